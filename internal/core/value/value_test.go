package value

import (
	"bytes"
	"errors"
	"math"
	"math/big"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestFloatsThatNoStoreKeeps(t *testing.T) {
	for _, f := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if !OfFloat(f).IsNull() {
			t.Errorf("%v became a value", f)
		}
	}
	if OfFloat(math.Copysign(0, -1)) != OfFloat(0) {
		t.Error("negative zero differs from zero")
	}
}

func TestCompare(t *testing.T) {
	const big53 = 1 << 53
	for _, c := range []struct {
		a, b Value
		want int
		ok   bool
	}{
		{Value{}, OfInt(1), 0, false},
		{OfInt(1), Value{}, 0, false},
		{Value{}, Value{}, 0, false},
		{OfInt(1), OfText("1"), 0, false},
		{OfDate(1), OfTime(1), 0, false},
		{OfBool(false), OfBool(true), -1, true},
		{OfInt(-1), OfInt(1), -1, true},
		{OfInt(1), OfFloat(1), 0, true},
		{OfInt(1), OfFloat(1.5), -1, true},
		{OfInt(-1), OfFloat(-1.5), 1, true},
		{OfFloat(1.5), OfInt(1), 1, true},
		{OfInt(big53 + 1), OfFloat(big53), 1, true},
		{OfInt(-big53 - 1), OfFloat(-big53), -1, true},
		{OfInt(math.MaxInt64), OfFloat(math.MaxInt64), -1, true},
		{OfInt(math.MinInt64), OfFloat(math.MinInt64), 0, true},
		{OfInt(math.MinInt64), OfFloat(-1e300), 1, true},
		{OfInt(0), OfFloat(5e-324), -1, true},
		{OfText("Huế"), OfText("Hue"), 1, true},
		{OfText("a"), OfText("B"), 1, true},
		{OfText(""), OfText("a"), -1, true},
		{OfText("\uffff"), OfText("😀"), -1, true},
		{OfDate(-1), OfDate(0), -1, true},
		{OfTime(5), OfTime(5), 0, true},
	} {
		if got, ok := Compare(c.a, c.b); got != c.want || ok != c.ok {
			t.Errorf("Compare(%v, %v) = %d %v, want %d %v", c.a, c.b, got, ok, c.want, c.ok)
		}
	}
}

func drawNumber(t *rapid.T, label string) Value {
	if rapid.Bool().Draw(t, label+" whole") {
		near := []int64{0, 1 << 53, -1 << 53, math.MaxInt64 - 2, math.MinInt64 + 2}
		return OfInt(rapid.SampledFrom(near).Draw(t, label) + rapid.Int64Range(-2, 2).Draw(t, label+" off"))
	}
	if rapid.Bool().Draw(t, label+" near") {
		return OfFloat(rapid.SampledFrom([]float64{1 << 53, -1 << 53, 1 << 63, -1 << 63, 0.5, -0.5, 0}).Draw(t, label))
	}
	return OfFloat(rapid.Float64().Draw(t, label))
}

func exactly(v Value) *big.Float {
	if v.Kind() == Int {
		return new(big.Float).SetPrec(64).SetInt64(v.Int())
	}
	return big.NewFloat(v.Float())
}

// Numbers compare as the real numbers that they are.
func TestCompareNumbersExactly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawNumber(t, "a"), drawNumber(t, "b")
		got, ok := Compare(a, b)
		if want := exactly(a).Cmp(exactly(b)); !ok || got != want {
			t.Fatalf("Compare(%v, %v) = %d %v, want %d", a, b, got, ok, want)
		}
		if back, _ := Compare(b, a); back != -got {
			t.Fatal("Compare depends on the order of its arguments")
		}
	})
}

func drawValue(t *rapid.T) Value {
	switch Kind(rapid.IntRange(0, int(Geometry)).Draw(t, "kind")) {
	case Bool:
		return OfBool(rapid.Bool().Draw(t, "v"))
	case Int:
		return OfInt(rapid.Int64().Draw(t, "v"))
	case Float:
		return OfFloat(rapid.Float64().Draw(t, "v"))
	case Text:
		return OfText(rapid.String().Draw(t, "v"))
	case Date:
		return OfDate(rapid.Int64().Draw(t, "v"))
	case Time:
		return OfTime(rapid.Int64().Draw(t, "v"))
	case Geometry:
		return OfGeometry(string(rapid.SliceOf(rapid.Byte()).Draw(t, "v")))
	}
	return Value{}
}

func TestCanonicalRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := rapid.SliceOfN(rapid.Custom(drawValue), 0, 8).Draw(t, "row")
		tail := rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "tail")
		b := AppendRow(nil, row)
		wider := len(row) + rapid.IntRange(0, 3).Draw(t, "wider")
		got, rest, err := ReadRow(make([]Value, 0, 2), append(slices.Clone(b), tail...), wider)
		if err != nil || !bytes.Equal(rest, tail) || len(got) != wider {
			t.Fatalf("read %v, rest %v: %v", got, rest, err)
		}
		for i, v := range got {
			if i < len(row) && v != row[i] || i >= len(row) && !v.IsNull() {
				t.Fatalf("column %d: %v", i, v)
			}
		}
		if again := AppendRow(nil, got); !bytes.Equal(again, b) {
			t.Fatal("a row with columns added has other bytes")
		}
		for i := range b {
			if _, _, err := ReadRow(nil, b[:i], wider); !errors.Is(err, ErrCanonical) {
				t.Fatalf("the first %d of %d bytes read as a row: %v", i, len(b), err)
			}
		}
	})
}

func TestReadRefuses(t *testing.T) {
	huge := bytes.Repeat([]byte{0xFF}, 11)
	for _, b := range [][]byte{
		nil, {byte(Geometry) + 1}, {255}, {byte(Int)}, append([]byte{byte(Int)}, huge...), {byte(Float), 1, 2},
		{byte(Float), 0, 0, 0, 0, 0, 0, 0xF0, 0x7F}, {byte(Float), 1, 0, 0, 0, 0, 0, 0xF8, 0x7F},
		{byte(Text)}, {byte(Text), 5, 'a'}, append([]byte{byte(Text)}, huge...),
	} {
		if v, _, err := Read(b); !errors.Is(err, ErrCanonical) {
			t.Errorf("Read(%v) = %v, %v", b, v, err)
		}
	}
	for _, b := range [][]byte{nil, huge, {3, 0, 0, 0}, {1}} {
		if _, _, err := ReadRow(nil, b, 2); !errors.Is(err, ErrCanonical) {
			t.Errorf("ReadRow(%v): %v", b, err)
		}
	}
}

func TestInstants(t *testing.T) {
	at := time.Date(2026, 3, 31, 23, 59, 59, 999999000, time.FixedZone("", 7*3600))
	if v := OfInstant(at); !v.Instant().Equal(at) {
		t.Errorf("%v came back as %v", at, v.Instant())
	}
	if d := OfDate(-719162).CalendarDay(); d.Format("2006-01-02") != "0001-01-01" {
		t.Errorf("day -719162 is %v", d)
	}
}

func FuzzReadRow(f *testing.F) {
	f.Add([]byte{0}, 3)
	f.Add(AppendRow(nil, []Value{OfInt(-5), {}, OfText("Huế"), OfFloat(2.5), OfBool(true), OfDate(3), OfTime(9), OfGeometry("x")}), 8)
	f.Fuzz(func(t *testing.T, b []byte, width int) {
		if width < 0 || width > 64 {
			return
		}
		row, rest, err := ReadRow(nil, b, width)
		if err != nil {
			return
		}
		if len(row) != width || len(rest) > len(b) {
			t.Fatalf("%d columns of %d", len(row), width)
		}
		again, tail, err := ReadRow(nil, AppendRow(nil, row), width)
		if err != nil || len(tail) != 0 || len(again) != width {
			t.Fatalf("does not read back: %v", err)
		}
		for i := range row {
			if row[i].Kind() != again[i].Kind() || row[i].Text() != again[i].Text() {
				t.Fatalf("column %d differs", i)
			}
		}
	})
}

func FuzzFold(f *testing.F) {
	f.Add("Thuận Hóa Đ")
	f.Fuzz(func(t *testing.T, s string) {
		if g := Fold(s); FoldCase(FoldCase(s)) != FoldCase(s) || FoldAccents(g) != g {
			t.Fatalf("%q does not fold once and for all", s)
		}
	})
}
