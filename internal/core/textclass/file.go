package textclass

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"io"
	"math"
	"slices"

	"huong.city/huong/internal/core/problem"
)

// A model as bytes: the mark, the bits and the number of labels, the labels, the
// bias and scale of each, sharpness and quality, then the weights by label,
// deflated: most are 0. Numbers are little endian.
const mark = "HTC1"

// MarshalBinary writes the model; Read gives back one that predicts the same.
func (m *Model) MarshalBinary() ([]byte, error) {
	out := bytes.NewBufferString(mark)
	var head []byte
	head = append(head, byte(m.bits))
	head = binary.LittleEndian.AppendUint16(head, uint16(len(m.labels)))
	for i, l := range m.labels {
		head = binary.LittleEndian.AppendUint16(head, uint16(len(l)))
		head = append(head, l...)
		head = binary.LittleEndian.AppendUint32(head, math.Float32bits(m.bias[i]))
		head = binary.LittleEndian.AppendUint32(head, math.Float32bits(m.scale[i]))
	}
	q := m.quality
	for _, v := range []float64{m.sharp, float64(q.Texts), q.First, q.Three, q.Off} {
		head = binary.LittleEndian.AppendUint64(head, math.Float64bits(v))
	}
	w, err := flate.NewWriter(out, flate.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(head); err != nil {
		return nil, err
	}
	column := make([]byte, 1<<m.bits)
	k := len(m.labels)
	for j := range k {
		for i := range column {
			column[i] = byte(m.weights[i*k+j])
		}
		if _, err := w.Write(column); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

// Read reads a model. Invalid classifier-damaged for anything else.
func Read(b []byte) (*Model, error) {
	damaged := problem.New(problem.Invalid, "classifier-damaged")
	if !bytes.HasPrefix(b, []byte(mark)) {
		return nil, damaged
	}
	r := flate.NewReader(bytes.NewReader(b[len(mark):]))
	var fault error
	take := func(n int) []byte {
		p := make([]byte, n)
		if _, err := io.ReadFull(r, p); err != nil {
			fault = err
		}
		return p
	}
	m := &Model{bits: int(take(1)[0])}
	k := int(binary.LittleEndian.Uint16(take(2)))
	if fault != nil || m.bits < 8 || m.bits > 20 || k < 2 || k > maxLabels {
		return nil, damaged
	}
	for range k {
		m.labels = append(m.labels, string(take(int(binary.LittleEndian.Uint16(take(2))))))
		m.bias = append(m.bias, math.Float32frombits(binary.LittleEndian.Uint32(take(4))))
		m.scale = append(m.scale, math.Float32frombits(binary.LittleEndian.Uint32(take(4))))
		if fault != nil {
			return nil, damaged
		}
	}
	var v [5]float64
	for i := range v {
		v[i] = math.Float64frombits(binary.LittleEndian.Uint64(take(8)))
	}
	finite := func(x float64) bool { return x-x == 0 }
	for i := range k {
		if !finite(float64(m.bias[i])) || !finite(float64(m.scale[i])) {
			return nil, damaged
		}
	}
	if fault != nil || !slices.IsSorted(m.labels) || !finite(v[0]) || v[0] <= 0 {
		return nil, damaged
	}
	m.sharp = v[0]
	m.quality = Quality{Texts: int(v[1]), First: v[2], Three: v[3], Off: v[4]}
	// The weights are allocated as they come: a short file claims no memory.
	columns := make([][]byte, 0, k)
	for range k {
		columns = append(columns, take(1<<m.bits))
		if fault != nil {
			return nil, damaged
		}
	}
	m.weights = make([]int8, k<<m.bits)
	for j, c := range columns {
		for i, w := range c {
			m.weights[i*k+j] = int8(w)
		}
	}
	return m, nil
}
