package api

// A RouteLine is a line of the route table, for tests from outside.
type RouteLine struct {
	Method, Pattern string
	Scope           Scope
}

// RouteLines returns the route table.
func RouteLines() []RouteLine {
	var list []RouteLine
	for _, r := range routes() {
		list = append(list, RouteLine{r.method, r.pattern, r.scope})
	}
	return list
}
