module bench/haproxy-go

go 1.24

require github.com/dropmorepackets/haproxy-go v0.1.1
