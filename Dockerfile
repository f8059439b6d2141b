# The controller as an image: docker build -t iter8:dev .
FROM rust:1.92-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin iter8

FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/iter8 /iter8
ENTRYPOINT ["/iter8"]
CMD ["controller", "--all-namespaces"]
