package app

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// Listeners are what an Instance is reached by.
type Listeners struct {
	Browsers net.Listener
	Admin    net.Listener // nil: there is none
	Redirect net.Listener // plain http that is redirected to https; nil: there is none
}

// Listen opens all addresses, or none. The first is --listen; adminFlag is what chooses another for the second; the
// third, which redirects, may be "".
func Listen(browsers, adminFlag, admin, redirect string) (l Listeners, err error) {
	for _, o := range []struct {
		to         *net.Listener
		flag, addr string
	}{{&l.Browsers, "--listen", browsers}, {&l.Admin, adminFlag, admin}, {&l.Redirect, "", redirect}} {
		if o.to == &l.Redirect && redirect == "" {
			continue
		}
		if *o.to, err = listen(o.flag, o.addr); err != nil {
			for _, open := range []net.Listener{l.Browsers, l.Admin} {
				if open != nil {
					_ = open.Close()
				}
			}
			return Listeners{}, err
		}
	}
	return l, nil
}

// listen opens a TCP address and says plainly why it cannot. flag is what chooses another address, or "".
func listen(flag, addr string) (net.Listener, error) {
	other := "choose another with `" + flag + " ADDR`"
	if flag == "" {
		other = "write another into the configuration"
	}
	l, err := net.Listen("tcp", addr)
	var reason syscall.Errno
	switch errors.As(err, &reason); {
	case err == nil:
		return l, nil
	case reason == syscall.EADDRINUSE:
		return nil, fmt.Errorf("%s is in use by another program; end it, or %s", addr, other)
	case reason == syscall.EACCES:
		return nil, fmt.Errorf("this user may not listen on %s; a port from 1024 on is free to it: %s", addr, other)
	case reason == syscall.EADDRNOTAVAIL:
		return nil, fmt.Errorf("%s is no address of this machine; %s", addr, other)
	}
	return nil, fmt.Errorf("cannot listen on %s; %s", addr, other)
}
