// Package openapi holds the description of the API, in OpenAPI 3.1, and the page that shows it.
//
// The description is written by hand, in the files of spec. Tests of package api hold it to the route
// table, to the codes of problems, and to every answer that they see.
//
// Beyond the standard it has: x-item-schema, the schema of each line of NDJSON and of each event;
// x-codes, the codes that an operation may answer with besides those that any may; and x-codeSamples,
// commands to try, all of which a test runs.
package openapi
