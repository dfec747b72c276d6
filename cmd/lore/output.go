package main

import "io"

// output is where results go. It remembers the first failure, so that a command
// whose results did not all arrive does not end as if they had.
type output struct {
	io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// unwrap is the writer behind w when w is an output.
func unwrap(w any) any {
	if o, ok := w.(*output); ok {
		return o.Writer
	}
	return w
}
