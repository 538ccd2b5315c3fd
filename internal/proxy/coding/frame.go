package coding

import (
	"encoding/binary"
	"hash"
	"hash/adler32"
	"hash/crc32"
	"io"

	"bff/internal/proxy/inflate"
)

// A frame is what stands around DEFLATE: that of gzip (RFC 1952), that of zlib (RFC 1950, called "deflate"), or
// nothing, which some servers take "deflate" for and browsers accept.
type frame struct {
	kind  Coding
	crc   uint32
	size  uint32
	adler hash.Hash32
}

func isGzip(b []byte) bool { return len(b) >= 2 && b[0] == 0x1f && b[1] == 0x8b }

func isZlib(b []byte) bool {
	return len(b) >= 2 && b[0]&15 == 8 && (int(b[0])<<8|int(b[1]))%31 == 0
}

const longestName = 512 // of what a gzip header says of a file

// open reads the header.
func (f *frame) open(in *feed) error {
	switch f.kind {
	case Gzip:
		return openGzip(in)
	case Deflate:
		f.adler = adler32.New()
		b, err := in.next(2)
		if err == nil && b[1]&0x20 != 0 { // a dictionary that nobody has
			return inflate.ErrCorrupt
		}
		return err
	}
	return nil
}

func openGzip(in *feed) error {
	const hasCRC, hasExtra, hasName, hasComment = 2, 4, 8, 16
	b, err := in.next(10)
	if err != nil {
		return err
	}
	if !isGzip(b) || b[2] != 8 {
		return inflate.ErrCorrupt
	}
	flags := b[3]
	if flags&hasExtra != 0 {
		if b, err = in.next(2); err != nil {
			return err
		}
		if _, err = in.next(int(binary.LittleEndian.Uint16(b))); err != nil {
			return err
		}
	}
	for _, has := range [...]byte{hasName, hasComment} {
		for left := longestName; flags&has != 0; left-- {
			c, err := in.ReadByte()
			switch {
			case err != nil:
				return unexpected(err)
			case left == 0:
				return inflate.ErrCorrupt
			case c == 0:
				flags &^= has
			}
		}
	}
	if flags&hasCRC != 0 {
		_, err = in.next(2)
	}
	return err
}

// saw counts plain bytes into the checksum.
func (f *frame) saw(plain []byte) {
	switch f.kind {
	case Gzip:
		f.crc, f.size = crc32.Update(f.crc, crc32.IEEETable, plain), f.size+uint32(len(plain))
	case Deflate:
		_, _ = f.adler.Write(plain)
	}
}

// close reads the trailer, and checks that what was decoded is what was compressed.
func (f *frame) close(in *feed) error {
	ok := true
	switch f.kind {
	case Gzip:
		b, err := in.next(8)
		if err != nil {
			return err
		}
		ok = binary.LittleEndian.Uint32(b) == f.crc && binary.LittleEndian.Uint32(b[4:]) == f.size
	case Deflate:
		b, err := in.next(4)
		if err != nil {
			return err
		}
		ok = binary.BigEndian.Uint32(b) == f.adler.Sum32()
	}
	if !ok {
		return inflate.ErrCorrupt
	}
	return nil
}

// next reads n bytes.
func (f *feed) next(n int) ([]byte, error) {
	b, err := f.Peek(n)
	if len(b) < n {
		return nil, unexpected(err)
	}
	f.at += n
	return b, nil
}

func unexpected(err error) error {
	if err == nil || err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
