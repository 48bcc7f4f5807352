package rollouts

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// Limits of one page. Writers make pages of about a megabyte.
const (
	maxPageBytes  = 1 << 30
	maxPageValues = 1 << 28
	fairPageBytes = 1 << 26 // allowed even if the chunk as a whole claims less
)

// checkPages walks the page headers of a column chunk that codec unpacks.
func checkPages(at sizedReaderAt, m *format.ColumnMetaData, codec format.CompressionCodec) error {
	pos := m.DataPageOffset
	if m.DictionaryPageOffset != 0 {
		pos = m.DictionaryPageOffset
	}
	if pos < 0 || m.TotalCompressedSize < 0 || m.TotalCompressedSize > at.Size()-pos {
		return fmt.Errorf("%d bytes at %d in a file of %d", m.TotalCompressedSize, pos, at.Size())
	}
	protocol := new(thrift.CompactProtocol)
	buf := bufio.NewReaderSize(nil, 512)
	for end := pos + m.TotalCompressedSize; pos < end; {
		section := io.NewSectionReader(at, pos, end-pos)
		buf.Reset(section)
		var h format.PageHeader
		if err := thrift.NewDecoder(protocol.NewReader(buf)).Decode(&h); err != nil {
			return fmt.Errorf("page header at %d: %w", pos, err)
		}
		read, _ := section.Seek(0, io.SeekCurrent)
		body := pos + read - int64(buf.Buffered())
		if err := checkPage(&h, m, codec, end-body, buf); err != nil {
			return fmt.Errorf("page at %d: %w", pos, err)
		}
		pos = body + int64(h.CompressedPageSize)
	}
	return nil
}

// checkPage checks the sizes in a page header against the bytes left in the
// chunk, its metadata and the compressed data, which buf is about to read.
func checkPage(h *format.PageHeader, m *format.ColumnMetaData, codec format.CompressionCodec, left int64, buf *bufio.Reader) error {
	if n := int64(h.CompressedPageSize); n < 0 || n > left {
		return fmt.Errorf("%d bytes, %d left", n, left)
	}
	if n := int64(h.UncompressedPageSize); n < 0 || n > min(maxPageBytes, max(fairPageBytes, m.TotalUncompressedSize)) {
		return fmt.Errorf("%d bytes uncompressed", n)
	}
	values, levels := h.DataPageHeader.V.NumValues, int32(0)
	if h.DataPageHeaderV2.Valid {
		v2 := &h.DataPageHeaderV2.V
		values = v2.NumValues
		if v2.RepetitionLevelsByteLength < 0 || v2.DefinitionLevelsByteLength < 0 {
			return errors.New("levels of negative length")
		}
		if levels = v2.RepetitionLevelsByteLength + v2.DefinitionLevelsByteLength; levels < 0 || levels > h.CompressedPageSize {
			return fmt.Errorf("levels of %d bytes in a page of %d", levels, h.CompressedPageSize)
		}
	}
	if values < 0 || int64(values) > min(maxPageValues, m.NumValues) {
		return fmt.Errorf("%d values of %d", values, m.NumValues)
	}
	if n := h.DictionaryPageHeader.V.NumValues; n < 0 || n > h.UncompressedPageSize {
		return fmt.Errorf("dictionary of %d values in %d bytes", n, h.UncompressedPageSize)
	}
	if v2 := h.DataPageHeaderV2; v2.Valid && v2.V.IsCompressed.Valid && !v2.V.IsCompressed.V {
		return nil
	}
	buf.Discard(int(levels)) // a short read leaves nothing to peek at
	return checkCompressed(codec, io.LimitReader(buf, int64(h.CompressedPageSize-levels)), h.UncompressedPageSize)
}

// checkCompressed checks that compressed data does not unpack to more than
// size bytes, for the decoders that allocate without asking for a limit.
func checkCompressed(codec format.CompressionCodec, r io.Reader, size int32) error {
	var unpacked uint64
	switch codec {
	case format.Snappy:
		var prefix [binary.MaxVarintLen64]byte
		n, _ := io.ReadFull(r, prefix[:])
		unpacked, _ = binary.Uvarint(prefix[:n])
	case format.Zstd:
		var prefix [zstd.HeaderMaxSize]byte
		n, _ := io.ReadFull(r, prefix[:])
		var h zstd.Header
		if h.Decode(prefix[:n]) == nil && h.HasFCS {
			unpacked = h.FrameContentSize
		}
	case format.Lz4Raw: // it does not say, and an invalid block unpacks for ever
		data, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		n, err := lz4.UncompressBlock(data, make([]byte, size))
		if err != nil {
			return err
		}
		unpacked = uint64(n)
	}
	if unpacked > uint64(size) {
		return fmt.Errorf("declares %d bytes uncompressed but unpacks to %d", size, unpacked)
	}
	return nil
}
