// Package deploytest holds the tests of what is deployed around the program: the containers of
// docker-compose.yml, and the rules and dashboards below deploy/. It has no other code.
//
// The tests of containers run in .ci/container alone, which starts them.
package deploytest
