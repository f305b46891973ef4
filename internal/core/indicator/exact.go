package indicator

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"math/bits"
)

// Exact is a sum of integers and float64s without any rounding: mant · 2^exp. What
// was added and taken away again leaves no trace. The zero Exact is 0.
type Exact struct {
	small int64 // the mantissa while it fits, else 0 and big is set
	big   *big.Int
	exp   int
}

// add adds m · 2^e.
func (x *Exact) add(m int64, e int) {
	if m == 0 {
		return
	}
	z := bits.TrailingZeros64(uint64(m))
	m, e = m>>z, e+z
	if x.IsZero() {
		x.small, x.big, x.exp = m, nil, e
		return
	}
	if x.big == nil {
		a, b, exp := x.small, m, x.exp
		shift := e - exp
		switch {
		case shift == 0:
		case shift > 0:
			b = shifted(b, shift)
		default:
			a, exp = shifted(a, -shift), e
		}
		if a != 0 && b != 0 {
			if s := a + b; (s > a) == (b > 0) {
				x.small, x.exp = s, exp
				return
			}
		}
	}
	x.addBig(m, e)
}

// shifted is m · 2^n, or 0 where that does not fit.
func shifted(m int64, n int) int64 {
	if n > 62 {
		return 0
	}
	if s := m << n; s>>n == m {
		return s
	}
	return 0
}

func (x *Exact) addBig(m int64, e int) {
	a := x.mantissa()
	b := big.NewInt(m)
	switch {
	case e > x.exp:
		b.Lsh(b, uint(e-x.exp))
	case e < x.exp:
		a.Lsh(a, uint(x.exp-e))
		x.exp = e
	}
	x.set(a.Add(a, b))
}

// set takes a mantissa and keeps it small where it can: its lowest bit is one.
func (x *Exact) set(m *big.Int) {
	if m.Sign() == 0 {
		*x = Exact{}
		return
	}
	if z := m.TrailingZeroBits(); z > 0 {
		m.Rsh(m, z)
		x.exp += int(z)
	}
	x.small, x.big = 0, m
	if m.IsInt64() {
		x.small, x.big = m.Int64(), nil
	}
}

// mantissa is a copy of the mantissa.
func (x *Exact) mantissa() *big.Int {
	if x.big != nil {
		return new(big.Int).Set(x.big)
	}
	return big.NewInt(x.small)
}

// IsZero tells that the sum is 0.
func (x *Exact) IsZero() bool { return x.big == nil && x.small == 0 }

// AddInt adds i, or takes it away where n is -1; n is any number of times.
func (x *Exact) AddInt(i, n int64) {
	if hi, lo := bits.Mul64(abs(i), abs(n)); hi == 0 && lo <= math.MaxInt64 {
		x.add(i*n, 0)
		return
	}
	var one Exact
	one.set(new(big.Int).Mul(big.NewInt(i), big.NewInt(n)))
	x.Add(&one)
}

func abs(i int64) uint64 {
	if i < 0 {
		return -uint64(i)
	}
	return uint64(i)
}

// AddFloat adds f n times; f is finite.
func (x *Exact) AddFloat(f float64, n int64) {
	if f == 0 || n == 0 {
		return
	}
	frac, e := math.Frexp(f)
	m := int64(frac * (1 << 53)) // exact: a float64 has 53 binary digits
	if n == 1 || n == -1 {
		x.add(m*n, e-53)
		return
	}
	var one Exact
	one.AddInt(m, n)
	one.exp += e - 53
	x.Add(&one)
}

// Add adds another sum.
func (x *Exact) Add(y *Exact) {
	if y.IsZero() {
		return
	}
	if y.big == nil {
		x.add(y.small, y.exp)
		return
	}
	if x.IsZero() {
		x.small, x.big, x.exp = 0, new(big.Int).Set(y.big), y.exp
		return
	}
	a, b := x.mantissa(), y.mantissa()
	if y.exp > x.exp {
		b.Lsh(b, uint(y.exp-x.exp))
	} else {
		a.Lsh(a, uint(x.exp-y.exp))
		x.exp = y.exp
	}
	x.set(a.Add(a, b))
}

// Rat is the sum as a fraction.
func (x *Exact) Rat() *big.Rat {
	r := new(big.Rat).SetInt(x.mantissa())
	p := new(big.Rat)
	if x.exp >= 0 {
		return r.Mul(r, p.SetInt(new(big.Int).Lsh(big.NewInt(1), uint(x.exp))))
	}
	return r.Mul(r, p.SetFrac(big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(-x.exp))))
}

// Over is the sum divided by n, rounded once to the nearest float64. Infinite
// where it does not fit.
func (x *Exact) Over(n int64) float64 {
	if x.big == nil && x.exp >= 0 && x.exp < 10 && n == 1 && x.small > -1<<52 && x.small < 1<<52 {
		return float64(x.small << x.exp)
	}
	r := x.Rat()
	f, _ := r.Mul(r, big.NewRat(1, n)).Float64()
	return f
}

// Append writes the sum.
func (x *Exact) Append(b []byte) []byte {
	c := Exact{exp: x.exp}
	c.set(x.mantissa()) // one form for one number
	b = binary.AppendVarint(b, int64(c.exp))
	if c.big == nil {
		b = binary.AppendUvarint(b, 0)
		return binary.AppendVarint(b, c.small)
	}
	m := c.big.Bytes()
	b = binary.AppendUvarint(b, uint64(len(m))<<1|uint64(c.big.Sign()&2>>1))
	return append(b, m...)
}

// ErrEncoding reports bytes that no Append wrote.
var ErrEncoding = errors.New("indicator: malformed bytes")

// ReadExact reads a sum from the front of b and returns the rest.
func ReadExact(b []byte) (x Exact, rest []byte, err error) {
	e, k := binary.Varint(b)
	if k <= 0 || e > 1<<20 || e < -1<<20 {
		return x, nil, ErrEncoding
	}
	b = b[k:]
	head, k := binary.Uvarint(b)
	if k <= 0 {
		return x, nil, ErrEncoding
	}
	b = b[k:]
	x.exp = int(e)
	if head == 0 {
		m, k := binary.Varint(b)
		if k <= 0 {
			return x, nil, ErrEncoding
		}
		x.small = m
		return x, b[k:], nil
	}
	n := head >> 1
	if n == 0 || n > uint64(len(b)) {
		return x, nil, ErrEncoding
	}
	m := new(big.Int).SetBytes(b[:n])
	if head&1 == 1 {
		m.Neg(m)
	}
	x.set(m)
	return x, b[n:], nil
}

// Quantile is quantile num/den of n values in order, by definition 7 of Hyndman
// and Fan; at gives the value of a place. n is at least 1.
func Quantile(n, num, den int64, at func(i int64) float64) float64 {
	h := (n - 1) * num
	low := h / den
	x := at(low)
	if h%den == 0 {
		return x
	}
	return x + float64(h%den)/float64(den)*(at(low+1)-x)
}
