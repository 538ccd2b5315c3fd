package audit

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// A Broken says at which line of an audit log the chain breaks, and how.
type Broken struct {
	Line int // from 1
	Why  string
}

func (b *Broken) Error() string { return fmt.Sprintf("line %d: %s", b.Line, b.Why) }

// Verify reads a whole audit log and returns how many lines it has. The error is a *[Broken] for the first line that
// is not as it was written, or the reader's own. The first line may name a line of an earlier file as the one before
// it.
func Verify(r io.Reader) (lines int, err error) {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, maxLine), maxLine)
	scan.Split(completeLines)
	prev := ""
	for scan.Scan() {
		lines++
		before, hash, err := split(scan.Bytes())
		switch {
		case err != nil:
			return lines, &Broken{lines, err.Error()}
		case lines > 1 && before != prev:
			return lines, &Broken{lines, "it does not follow the line above: a line was removed, put in, or changed"}
		}
		prev = hash
	}
	switch err := scan.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return lines, &Broken{lines + 1, "it is too long to be a line of an audit log"}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return lines, &Broken{lines + 1, "it is incomplete: the log was cut off"}
	case err != nil:
		return lines, fmt.Errorf("read the audit log: %w", err)
	}
	return lines, nil
}

// completeLines is bufio.ScanLines without its kindness to a last line that has no end.
func completeLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if i := bytes.IndexByte(data, '\n'); i >= 0 {
		return i + 1, data[:i], nil
	}
	if atEOF && len(data) > 0 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	return 0, nil, nil
}

// split checks one line by itself and returns the hash of the line before and its own.
func split(text []byte) (prev, hash string, err error) {
	const tail = len(`,"hash":""}`) + hashSize
	if len(text) < tail || !bytes.HasPrefix(text[len(text)-tail:], []byte(`,"hash":"`)) ||
		!bytes.HasSuffix(text, []byte(`"}`)) {
		return "", "", errors.New("it is no line of an audit log")
	}
	body := append(append([]byte(nil), text[:len(text)-tail]...), '}')
	hash = string(text[len(text)-2-hashSize : len(text)-2])
	var l struct {
		Prev *string `json:"prev"`
	}
	if json.Unmarshal(body, &l) != nil || l.Prev == nil {
		return "", "", errors.New("it is no line of an audit log")
	}
	if hashOf(body) != hash {
		return "", "", errors.New("it was changed: its hash is another")
	}
	return *l.Prev, hash, nil
}
