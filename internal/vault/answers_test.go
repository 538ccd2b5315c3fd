package vault_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"

	"bff/internal/testenv"
	"bff/internal/vault"
)

// falseStore takes connections until the test ends. serve ends each.
func falseStore(t *testing.T, serve func(net.Conn)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(conn)
		}
	}()
	return "redis://" + listener.Addr().String()
}

// lying is a store that gives each command the same answer, once connections are set up.
func lying(t *testing.T, answer string) (url string) {
	t.Helper()
	serve := func(conn net.Conn) {
		defer func() { _ = conn.Close() }()
		for in := bufio.NewReader(conn); ; {
			line, err := in.ReadString('\n')
			if err != nil {
				return
			}
			var name string
			for i := range number(line) {
				length, err := in.ReadString('\n')
				if err != nil {
					return
				}
				arg := make([]byte, number(length)+2)
				if _, err := io.ReadFull(in, arg); err != nil {
					return
				}
				if i == 0 {
					name = strings.ToUpper(strings.TrimSpace(string(arg)))
				}
			}
			out := answer
			switch name {
			case "HELLO":
				out = "-ERR unknown command\r\n"
			case "CLIENT", "AUTH", "SELECT":
				out = "+OK\r\n"
			}
			if _, err := io.WriteString(conn, out); err != nil {
				return
			}
		}
	}
	return falseStore(t, serve)
}

func number(line string) int {
	n, err := strconv.Atoi(strings.TrimSpace(line[1:]))
	if err != nil {
		return 0
	}
	return n
}

// An answer that announces more than there is room for, or arrays in arrays without end, is an outage like any other:
// the process lives, and nobody is signed out.
func TestAnAnswerOfTheStoreThatAnnouncesTooMuchIsAnOutage(t *testing.T) {
	real := open(t, testenv.Redis(t).URL)
	_, r := signIn(t, real, vault.NewSession{})
	for name, answer := range map[string]string{
		"a string of a terabyte":      "$999999999999\r\n",
		"a string of a gigabyte":      "$1073741824\r\n",
		"a verbatim string":           "=999999999999\r\ntxt:",
		"an error of a terabyte":      "!999999999999\r\n",
		"strings that are much":       "*100\r\n" + strings.Repeat("$60000000\r\n", 100),
		"an array of a billion":       "*1000000000\r\n",
		"a set of a billion":          "~1000000000\r\n",
		"a map of a billion":          "%1000000000\r\n",
		"attributes without end":      "|1000000000\r\n",
		"arrays in arrays":            strings.Repeat("*1\r\n", 1<<20),
		"arrays at the end of arrays": strings.Repeat("*2\r\n:1\r\n", 1<<20),
		"a number that is none":       "$12x\r\n",
		"a number without end":        "*" + strings.Repeat("9", 1000) + "\r\n",
		"a line without end":          "+" + strings.Repeat("x", 8<<20),
	} {
		t.Run(name, func(t *testing.T) {
			v := open(t, lying(t, answer))
			_, err := v.Sessions.Load(r)
			is(t, "load", err, vault.ErrUnavailable)
			is(t, "ping", v.Ping(context.Background()), vault.ErrUnavailable)
		})
	}
	load(t, real, r)
}
