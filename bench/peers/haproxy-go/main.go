// A no-op agent on dropmorepackets/haproxy-go: main HOST:PORT
package main

import (
	"context"
	"log"
	"os"

	"github.com/dropmorepackets/haproxy-go/pkg/encoding"
	"github.com/dropmorepackets/haproxy-go/spop"
)

func handle(_ context.Context, w *encoding.ActionWriter, _ *encoding.Message) {
	if err := w.SetString(encoding.VarScopeTransaction, "decision", "allow"); err != nil {
		log.Print(err)
	}
}

func main() {
	log.Fatal(spop.ListenAndServe(os.Args[1], spop.HandlerFunc(handle)))
}
