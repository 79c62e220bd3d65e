// A no-op agent on negasus/haproxy-spoe-go: main HOST:PORT
package main

import (
	"log"
	"net"
	"os"

	"github.com/negasus/haproxy-spoe-go/action"
	"github.com/negasus/haproxy-spoe-go/agent"
	"github.com/negasus/haproxy-spoe-go/logger"
	"github.com/negasus/haproxy-spoe-go/request"
)

func handle(r *request.Request) {
	r.Actions.SetVar(action.ScopeTransaction, "decision", "allow")
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(agent.New(handle, logger.NewDefaultLog()).Serve(listener))
}
