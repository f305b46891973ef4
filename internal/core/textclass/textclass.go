// Package textclass suggests a category for what a citizen wrote: a multinomial
// logistic model over hashed words and character n-grams of the folded text, so
// that it reads Vietnamese with and without marks and with slips of the
// keyboard. The same examples, options and seed give the same model.
package textclass

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"

	"huong.city/huong/internal/core/problem"
	"huong.city/huong/internal/core/value"
)

// Example is a text and the category that people gave it.
type Example struct{ Text, Label string }

// Options of training.
type Options struct {
	Bits   int     // of the hash of a feature, 8 to 20: the model holds 1 << Bits bytes a label
	Epochs int     // passes over the examples
	Rate   float64 // of learning at the beginning; it falls to 0
	Held   float64 // share of the examples kept back to measure and to calibrate
	Least  int     // examples below which a label is not learned
	Seed   uint64
}

// Defaults suit fifty thousand short texts in up to two hundred labels.
func Defaults() Options {
	return Options{Bits: 16, Epochs: 4, Rate: 4, Held: 0.1, Least: 5, Seed: 1}
}

// Bounds of what is taken.
const (
	maxLabels   = 1000
	maxExamples = 200_000 // of more, a sample by the seed
	maxRunes    = 400     // of a text
	maxLabel    = 200     // bytes
)

// Suggestion is a label with how likely it is, 0 to 1.
type Suggestion struct {
	Label  string
	Chance float64
}

// Quality is what the examples that were kept back tell of a model.
type Quality struct {
	Texts int
	First float64 // share whose label came first
	Three float64 // share whose label was among the first three
	// Off is how far chances were from what came true, on average (the expected
	// calibration error in ten bins).
	Off float64
}

// Model suggests labels. It does not change and is safe for concurrent use.
type Model struct {
	labels  []string
	bits    int
	bias    []float32
	scale   []float32 // of a label's weights
	weights []int8    // by feature, then label
	sharp   float64   // what scores are multiplied by, so that chances are true
	quality Quality
}

// Labels are the labels that the model knows, in their order.
func (m *Model) Labels() []string { return slices.Clone(m.labels) }

// Quality tells how good the model was on what it had not seen.
func (m *Model) Quality() Quality { return m.quality }

// Predict returns the three likeliest labels, the likeliest first; none for a
// text without a word.
func (m *Model) Predict(text string) []Suggestion {
	f := features(nil, text, m.bits)
	if len(f) == 0 {
		return nil
	}
	scores := make([]float64, len(m.labels))
	m.score(f, scores)
	softmax(scores, m.sharp)
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	out := make([]Suggestion, min(3, len(order)))
	for i := range out {
		out[i] = Suggestion{m.labels[order[i]], scores[order[i]]}
	}
	return out
}

func (m *Model) score(f []uint32, scores []float64) {
	k := len(m.labels)
	sums := make([]int32, k)
	for _, i := range f {
		row := m.weights[int(i)*k : int(i)*k+k]
		for j, w := range row {
			sums[j] += int32(w)
		}
	}
	unit := 1 / math.Sqrt(float64(len(f)))
	for j := range scores {
		scores[j] = float64(m.bias[j]) + unit*float64(m.scale[j])*float64(sums[j])
	}
}

// softmax turns scores into chances in place.
func softmax(s []float64, sharp float64) {
	top := slices.Max(s)
	sum := 0.0
	for i, v := range s {
		s[i] = math.Exp((v - top) * sharp)
		sum += s[i]
	}
	for i := range s {
		s[i] /= sum
	}
}

// features hashes the words of a folded text, pairs of words, and the runs of
// three and four characters in them.
func features(dst []uint32, text string, bits int) []uint32 {
	mask := uint32(1)<<bits - 1
	runes := 0
	for i := range text {
		if runes++; runes > maxRunes {
			text = text[:i]
			break
		}
	}
	words := strings.FieldsFunc(value.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) })
	before := uint32(0)
	for n, w := range words {
		h := hash(w, 1)
		dst = append(dst, mix(h)&mask)
		if n > 0 {
			dst = append(dst, mix(before*31+h)&mask)
		}
		before = h
		padded := " " + w + " "
		for size := 3; size <= 4; size++ {
			for i := 0; i+size <= len(padded); i++ { // folded Vietnamese is ASCII; of other scripts these are bytes
				dst = append(dst, mix(hash(padded[i:i+size], uint32(size)))&mask)
			}
		}
	}
	return dst
}

// hash is FNV-1a, 32 bits.
func hash(s string, seed uint32) uint32 {
	h := 2166136261 ^ seed
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// mix is the finaliser of MurmurHash3.
func mix(h uint32) uint32 {
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// lesson is an example as it is learned.
type lesson struct {
	features []uint32
	label    int
}

// Train learns from examples. Invalid classifier-few when fewer than two labels
// have enough of them.
func Train(examples []Example, o Options) (*Model, error) {
	random := rand.New(rand.NewPCG(o.Seed, 0x9E3779B97F4A7C15))
	if len(examples) > maxExamples {
		examples = slices.Clone(examples)
		random.Shuffle(len(examples), func(i, j int) { examples[i], examples[j] = examples[j], examples[i] })
		examples = examples[:maxExamples]
	}
	m := &Model{bits: min(max(o.Bits, 8), 20), sharp: 1}
	count := map[string]int{}
	for _, e := range examples {
		count[e.Label]++
	}
	for l, n := range count {
		if n >= o.Least && l != "" && len(l) <= maxLabel {
			m.labels = append(m.labels, l)
		}
	}
	slices.SortFunc(m.labels, func(a, b string) int { return cmp.Or(cmp.Compare(count[b], count[a]), cmp.Compare(a, b)) })
	m.labels = m.labels[:min(len(m.labels), maxLabels)]
	if len(m.labels) < 2 {
		return nil, problem.New(problem.Invalid, "classifier-few", "least", o.Least)
	}
	slices.Sort(m.labels)
	var lessons []lesson
	for _, e := range examples {
		at, known := slices.BinarySearch(m.labels, e.Label)
		if !known {
			continue
		}
		if f := features(nil, e.Text, m.bits); len(f) > 0 {
			lessons = append(lessons, lesson{slices.Clip(f), at})
		}
	}
	random.Shuffle(len(lessons), func(i, j int) { lessons[i], lessons[j] = lessons[j], lessons[i] })
	held := int(o.Held * float64(len(lessons)))
	m.learn(lessons[held:], o, random)
	m.calibrate(lessons[:held])
	return m, nil
}

// learn descends the gradient of the log-loss, one lesson at a time; the weights
// are rounded to bytes at the end, each label by its own scale.
func (m *Model) learn(lessons []lesson, o Options, random *rand.Rand) {
	k := len(m.labels)
	weights := make([]float32, k<<m.bits)
	bias := make([]float32, k)
	scores := make([]float64, k)
	sums, step := make([]float32, k), make([]float32, k)
	which := make([]int, k) // labels that a lesson teaches
	done, all := 0, max(1, o.Epochs*len(lessons))
	for range o.Epochs {
		random.Shuffle(len(lessons), func(i, j int) { lessons[i], lessons[j] = lessons[j], lessons[i] })
		for _, l := range lessons {
			clear(sums)
			for _, i := range l.features {
				row := weights[int(i)*k : int(i)*k+k]
				for j, w := range row {
					sums[j] += w
				}
			}
			unit := float32(1 / math.Sqrt(float64(len(l.features))))
			for j, s := range sums {
				scores[j] = float64(bias[j] + unit*s)
			}
			softmax(scores, 1)
			scores[l.label]--
			rate := o.Rate * (1 - float64(done)/float64(all))
			done++
			// What is all but certain teaches nothing; it saves most of the work.
			taught := step[:0]
			for j, g := range scores {
				if math.Abs(g) > 1e-3 {
					which[len(taught)] = j
					taught = append(taught, float32(rate*g)*unit)
					bias[j] -= float32(rate * g * 0.1)
				}
			}
			for _, i := range l.features {
				row := weights[int(i)*k : int(i)*k+k]
				for n, g := range taught {
					row[which[n]] -= g
				}
			}
		}
	}
	m.bias, m.scale, m.weights = bias, make([]float32, k), make([]int8, len(weights))
	for i, w := range weights {
		m.scale[i%k] = max(m.scale[i%k], float32(math.Abs(float64(w)))/127)
	}
	for i, w := range weights {
		if s := m.scale[i%k]; s > 0 {
			m.weights[i] = int8(math.Round(float64(w / s)))
		}
	}
}

// calibrate measures the model on what it has not seen, and finds by how much its
// scores are to be multiplied that its chances come true (temperature scaling:
// Guo et al. 2017).
func (m *Model) calibrate(held []lesson) {
	m.quality = Quality{Texts: len(held)}
	if len(held) == 0 {
		return
	}
	scores := make([][]float64, len(held))
	for i, l := range held {
		scores[i] = make([]float64, len(m.labels))
		m.score(l.features, scores[i])
	}
	s := make([]float64, len(m.labels))
	best := math.Inf(1)
	for sharp := 0.1; sharp < 3; sharp *= 1.05 {
		loss := 0.0
		for i, l := range held {
			copy(s, scores[i])
			softmax(s, sharp)
			loss -= math.Log(max(s[l.label], 1e-12))
		}
		if loss < best {
			best, m.sharp = loss, sharp
		}
	}
	var bins [10]struct{ n, right, said float64 }
	for i, l := range held {
		copy(s, scores[i])
		softmax(s, m.sharp)
		above := 0
		for _, v := range s {
			if v > s[l.label] {
				above++
			}
		}
		top := slices.Max(s)
		b := &bins[min(9, int(top*10))]
		b.n++
		b.said += top
		if above == 0 {
			m.quality.First++
			b.right++
		}
		if above < 3 {
			m.quality.Three++
		}
	}
	n := float64(len(held))
	m.quality.First /= n
	m.quality.Three /= n
	for _, b := range bins {
		m.quality.Off += math.Abs(b.right-b.said) / n
	}
}
