package rollouts

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/parquet-go/parquet-go"
)

// parquetFile reads the rows of a Parquet file, of each column one page at a
// time.
type parquetFile struct {
	at      sizedReaderAt
	file    *parquet.File
	spool   io.Closer // the temporary copy of a stream, or nil
	trainer string

	prompt, precision *column // nil where the file has none
	mask, rollout     *column
	trainerLists      *column
	exact             [NumExact]*column
	columns           []*column // the above that exist

	group         int   // the next row group
	left          int64 // rows of the current group not yet read
	row, numRows  int64
	promptLabel   string // the last labels, to save allocations
	precisionName string
}

func openParquet(at sizedReaderAt, trainer string) (*parquetFile, error) {
	p := &parquetFile{at: at, trainer: trainer}
	err := corrupt(func() (err error) {
		if err := checkFooter(at); err != nil {
			return err
		}
		p.file, err = parquet.OpenFile(at, at.Size(),
			parquet.SkipPageIndex(true), parquet.SkipBloomFilters(true))
		return err
	})
	if err != nil {
		return nil, err
	}
	p.numRows = p.file.NumRows()
	if err := p.findColumns(); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *parquetFile) findColumns() (err error) {
	find := func(dst **column, name string, want shape, required bool) {
		if err != nil {
			return
		}
		var c *column
		if c, err = findColumn(p.file, name, want); err != nil {
			return
		}
		if c == nil {
			if required {
				err = fmt.Errorf("has no column %q; it has %s", name, p.logprobColumns())
			}
			return
		}
		*dst = c
		p.columns = append(p.columns, c)
	}
	find(&p.prompt, promptColumn, labels, false)
	find(&p.precision, precisionColumn, texts, false)
	find(&p.mask, maskColumn, maskLists, false)
	find(&p.rollout, rolloutColumn, floatLists, true)
	find(&p.trainerLists, p.trainer, floatLists, true)
	for e, name := range exactColumns {
		find(&p.exact[e], name, floatLists, false)
	}
	return err
}

// logprobColumns lists what the trainer column could have been.
func (p *parquetFile) logprobColumns() string {
	var names []string
	for _, c := range p.file.Root().Columns() {
		if strings.Contains(c.Name(), "logprob") {
			names = append(names, fmt.Sprintf("%q", c.Name()))
		}
	}
	if names == nil {
		return "no column of log-probabilities"
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (p *parquetFile) offset() int64 {
	if p.numRows <= 0 {
		return 0
	}
	return int64(float64(p.at.Size()) * min(1, float64(p.row)/float64(p.numRows)))
}

func (p *parquetFile) close() error {
	err := corrupt(func() error {
		for _, c := range p.columns {
			c.closePages()
		}
		return nil
	})
	if p.spool != nil {
		err = errors.Join(err, p.spool.Close())
	}
	return err
}

func (p *parquetFile) next(row *Row) error {
	for p.left == 0 {
		if err := p.nextGroup(); err != nil {
			return err
		}
	}
	if err := p.read(row); err != nil {
		return fmt.Errorf("row %d: %w", p.row, err)
	}
	p.left--
	p.row++
	return nil
}

// nextGroup moves to the next row group, or returns io.EOF. Of the group that
// it leaves, no column may have rows left.
func (p *parquetFile) nextGroup() error {
	for _, c := range p.columns {
		if err := c.atEnd(); err != nil {
			return err
		}
	}
	groups := p.file.RowGroups()
	if p.group == len(groups) {
		return io.EOF
	}
	err := corrupt(func() error {
		chunks := groups[p.group].ColumnChunks()
		meta := p.file.Metadata().RowGroups
		for _, c := range p.columns {
			codec := meta[0].Columns[c.leaf].MetaData.Codec // the library's choice
			if err := checkPages(p.at, &meta[p.group].Columns[c.leaf].MetaData, codec); err != nil {
				return fmt.Errorf("row group %d, column %q: %w", p.group, c.name, err)
			}
			c.closePages()
			c.openPages(chunks[c.leaf])
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.left = groups[p.group].NumRows()
	p.group++
	if p.left < 0 {
		return errCorrupt{fmt.Errorf("row group %d has %d rows", p.group-1, p.left)}
	}
	return nil
}

func (p *parquetFile) read(row *Row) (err error) {
	if p.promptLabel, err = p.prompt.readLabel(p.promptLabel, ""); err != nil {
		return err
	}
	if p.precisionName, err = p.precision.readLabel(p.precisionName, DefaultPrecision); err != nil {
		return err
	}
	row.Prompt, row.Precision = p.promptLabel, p.precisionName

	var hasMask, hasTrainer bool
	if row.Mask, hasMask, err = p.mask.readMask(row.Mask[:0]); err != nil {
		return err
	}
	if row.Rollout, _, err = p.rollout.readFloats(row.Rollout[:0]); err != nil {
		return err
	}
	if row.Trainer, hasTrainer, err = p.trainerLists.readFloats(row.Trainer[:0]); err != nil {
		return err
	}
	for e, c := range p.exact {
		if row.Exact[e], _, err = c.readFloats(row.Exact[e][:0]); err != nil {
			return err
		}
	}
	return row.finish(p.trainer, hasMask, hasTrainer)
}
