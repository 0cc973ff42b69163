package main

import "testing"

func TestWords(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{span(0.0004), "< 1 ms"},
		{span(0.0999), "100 ms"},
		{span(0.996), "1000 ms"},
		{span(59), "59 s"},
		{span(90), "1.5 min"},
		{span(7200), "2.0 h"},
		{span(86400 * 9.96), "10 days"},
		{span(365.25 * 86400 * 1234), "1200 years"},
		{span(365.25 * 86400 * 2.5e9), "2.5·10⁹ years"},
		{power(16777216), "1.7·10⁷"},
		{power(5800), "5800"},
		{power(3.14e21), "3.1·10²¹"},
		{percent(1), "100 %"},
		{percent(.9996), "100 %"},
		{percent(.4949), "49 %"},
		{percent(.0994), "9.9 %"},
		{percent(.00059), "0.059 %"},
		{percent(.0000001), "< 0.001 %"},
		{percent(0), "0"},
		{money(.001), "< 0.01 $"},
		{money(.476), "0.48 $"},
		{money(2345), "2300 $"},
		{money(3e7), "3.0·10⁷ $"},
	} {
		if tt.got != tt.want {
			t.Errorf("%q, want %q", tt.got, tt.want)
		}
	}
}
