# A static lore on an empty base: no shell, no libc, an unprivileged user.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/lore ./cmd/lore \
 && mkdir -p /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/lore /usr/local/bin/lore
COPY --from=build --chown=65532:65532 /out/data /data
USER 65532:65532
ENV LORE_DATA=/data
EXPOSE 7331
VOLUME ["/data"]
ENTRYPOINT ["/usr/local/bin/lore"]
CMD ["serve", "--addr", "0.0.0.0:7331"]
