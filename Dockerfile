# The node as a container: a static binary and nothing else, run by nobody in particular.
#
#   docker build -t p2pchain .
#   docker run --read-only --cap-drop ALL -p 127.0.0.1:12345:12345 -v p2pchain:/data p2pchain
#
# How to run it, alone, as three nodes or with alerts: docs/containers.md.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
# The large libraries are compiled in a layer of their own, so that a change of our code builds in seconds.
RUN CGO_ENABLED=0 go build -trimpath github.com/libp2p/go-libp2p github.com/libp2p/go-libp2p-kad-dht \
    github.com/libp2p/go-libp2p-pubsub github.com/cockroachdb/pebble/v2
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/p2pchain ./cmd/p2pchain \
 && mkdir /out/data

FROM scratch
LABEL org.opencontainers.image.title="p2pchain" \
      org.opencontainers.image.description="A replicated, append-only message log with proof of work"
COPY --from=build /out/p2pchain /p2pchain
# Bootstrap addresses that start with https:// need to know whom to trust.
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
VOLUME /data
EXPOSE 12345/tcp 22345/tcp 22345/udp
ENV P2PCHAIN_DATA_DIR=/data
ENTRYPOINT ["/p2pchain"]
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["/p2pchain", "health"]
# Inside a container loopback reaches nobody. Publishing the port decides who reaches the API;
# "--auth none" lets all of those write.
CMD ["run", "--http", "0.0.0.0:12345", "--listen", "/ip4/0.0.0.0/tcp/22345", "--listen", "/ip4/0.0.0.0/udp/22345/quic-v1", "--auth", "none", "--no-mdns"]
