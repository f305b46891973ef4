package ingest

// Limits bound what one input may ask of the machine. None of them bounds the
// size of a text file: ten gigabytes of rows pass in constant memory.
type Limits struct {
	Cell     int   // bytes of one cell
	Row      int   // bytes of one row
	Columns  int   // columns of one table
	Depth    int   // nesting of one JSON record
	Ratio    int64 // bytes unpacked per packed byte, once Floor bytes came out
	Floor    int64 // bytes that may come out before Ratio counts
	Unpacked int64 // bytes of one part of a workbook, and of all its shared texts in memory ÷ 8
	Spool    int64 // bytes of a workbook or archive that must be kept aside to be read
}

// DefaultLimits are the limits of a city's platform: 1 MiB cells, 8 MiB rows,
// 2,000 columns, and packed files that unpack to at most 250 times their size.
func DefaultLimits() Limits {
	return Limits{
		Cell: 1 << 20, Row: 8 << 20, Columns: 2000, Depth: 64,
		Ratio: 250, Floor: 32 << 20, Unpacked: 2 << 30, Spool: 1 << 30,
	}
}
