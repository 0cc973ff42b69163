//go:build !amd64

package scan

func fastVariants() []Variant { return nil }
