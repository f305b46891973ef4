package hotspot

import "math"

// normalTail is the chance of a standard normal value of z or more.
func normalTail(z float64) float64 { return math.Erfc(z/math.Sqrt2) / 2 }

// binomialTail is the chance of k or more of n, each with chance p: the
// regularised incomplete beta function I_p(k, n−k+1).
func binomialTail(n int, p float64, k int) float64 {
	switch {
	case k <= 0 || p >= 1:
		return 1
	case k > n || p <= 0:
		return 0
	}
	return incompleteBeta(float64(k), float64(n-k+1), p)
}

func logGamma(x float64) float64 {
	l, _ := math.Lgamma(x)
	return l
}

const (
	tiny  = 1e-300
	small = 1e-15
)

// incompleteBeta by its continued fraction (DLMF 8.17.22), evaluated after Lentz.
func incompleteBeta(a, b, x float64) float64 {
	if x > (a+1)/(a+b+2) {
		return 1 - incompleteBeta(b, a, 1-x)
	}
	front := math.Exp(logGamma(a+b) - logGamma(a) - logGamma(b) + a*math.Log(x) + b*math.Log1p(-x))
	c, d := 1.0, 1/away(1-(a+b)*x/(a+1))
	h := d
	for i := 1; i < 100_000; i++ {
		m := float64(i)
		for _, t := range [2]float64{
			m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m)),
			-(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1)),
		} {
			d = 1 / away(1+t*d)
			c = away(1 + t/c)
			h *= d * c
		}
		if math.Abs(d*c-1) < small {
			break
		}
	}
	return front * h / a
}

func away(v float64) float64 {
	if math.Abs(v) < tiny {
		return tiny
	}
	return v
}

// chiTail is the chance that chi-square with k degrees of freedom is x or more:
// the regularised upper incomplete gamma function Q(k/2, x/2).
func chiTail(x float64, k int) float64 {
	if x <= 0 {
		return 1
	}
	a := float64(k) / 2
	x /= 2
	front := math.Exp(-x + a*math.Log(x) - logGamma(a))
	if x < a+1 { // the series of the lower function
		sum, term := 1/a, 1/a
		for n := a + 1; term > sum*small; n++ {
			term *= x / n
			sum += term
		}
		return max(0, 1-front*sum)
	}
	b := x + 1 - a
	c, d := 1/tiny, 1/b
	h := d
	for i := 1; i < 100_000; i++ {
		n := float64(i)
		b += 2
		d = 1 / away(-n*(n-a)*d+b)
		c = away(b - n*(n-a)/c)
		h *= d * c
		if math.Abs(d*c-1) < small {
			break
		}
	}
	return front * h
}
