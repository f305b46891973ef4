package geom

import (
	"math/rand/v2"
	"testing"
)

func TestSchematicKeepsEveryCentreInItsOwnCell(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := 1; n <= 60; n += 7 {
		var centres []Centre
		for range n {
			centres = append(centres, Centre{Lon: 107 + rng.Float64(), Lat: 16 + rng.Float64()/2, Area: rng.ExpFloat64() * 120})
		}
		cells := Schematic(centres, 6)
		var areas []Area
		for i, c := range cells {
			if c == "" {
				t.Fatalf("%d centres: no cell for %d", n, i)
			}
			areas = append(areas, Area{Code: string(rune('A' + i)), Geometry: c})
		}
		index := NewAreaIndex(areas)
		for i, c := range centres {
			if got, ok := index.Find(c.Lon, c.Lat); !ok || got != areas[i].Code {
				t.Errorf("%d centres: centre %d lies in %q", n, i, got)
			}
		}
	}
}

func TestSchematicOfRepeatedCentres(t *testing.T) {
	cells := Schematic([]Centre{{107, 16, 0}, {107, 16, 0}, {107.1, 16, 5}}, 5)
	if cells[0] == "" || cells[1] != "" || cells[2] == "" {
		t.Fatalf("want a cell, none, a cell; got lengths %d %d %d", len(cells[0]), len(cells[1]), len(cells[2]))
	}
	if Schematic(nil, 5) != nil {
		t.Fatal("no centres, no cells")
	}
}
