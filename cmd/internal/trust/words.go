package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// digits prints two significant digits without an exponent, for 0.001 and more.
func digits(x float64) string {
	if x == 0 {
		return "0"
	}
	places := 1 - int(math.Floor(math.Log10(x)))
	shift := math.Pow(10, float64(places))
	x = math.Round(x*shift) / shift
	return strconv.FormatFloat(x, 'f', max(0, 1-int(math.Floor(math.Log10(x)+1e-9))), 64)
}

// span prints a time in the largest unit of which there is one.
func span(seconds float64) string {
	for _, u := range []struct {
		seconds float64
		name    string
	}{{365.25 * 86400, "years"}, {86400, "days"}, {3600, "h"}, {60, "min"}} {
		if seconds >= u.seconds {
			if n := seconds / u.seconds; n < 1e6 {
				return digits(n) + " " + u.name
			}
			return power(seconds/u.seconds) + " " + u.name
		}
	}
	if seconds < 0.001 {
		return "< 1 ms"
	}
	if seconds < 1 {
		return digits(1000*seconds) + " ms"
	}
	return digits(seconds) + " s"
}

// power prints 3.1·10⁹.
func power(x float64) string {
	if x < 10000 {
		return digits(x)
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(x, 'e', 1, 64), "e+")
	var up strings.Builder
	for _, d := range strings.TrimLeft(exponent, "0") {
		up.WriteRune([]rune("⁰¹²³⁴⁵⁶⁷⁸⁹")[d-'0'])
	}
	return mantissa + "·10" + up.String()
}

// percent prints a probability.
func percent(p float64) string {
	switch {
	case p >= 0.9995:
		return "100 %"
	case p >= 0.0995:
		return fmt.Sprintf("%.0f %%", 100*p)
	case p >= 0.00001:
		return digits(100*p) + " %"
	case p > 0:
		return "< 0.001 %"
	}
	return "0"
}

// money prints dollars.
func money(x float64) string {
	switch {
	case x < 0.01:
		return "< 0.01 $"
	case x < 1:
		return fmt.Sprintf("%.2f $", x)
	case x < 1e6:
		return digits(x) + " $"
	}
	return power(x) + " $"
}
