# An unchanged Dockerfile as it is, and slim, in one call: docker buildx bake, in this directory, after ../hello/prepare.sh in ../hello.
# FRONTEND is the image that `make frontend-image` makes, in a registry that BuildKit reaches.

variable "FRONTEND" {
  default = "registry.example.com/slim-frontend:1"
}

group "default" {
  targets = ["full", "slim"]
}

target "full" {
  context = "../hello"
  tags    = ["hello:full"]
}

target "slim" {
  inherits = ["full"]
  tags     = ["hello:slim"]
  args = {
    BUILDKIT_SYNTAX = FRONTEND
    SLIM_KEEP       = "observed" # the flags of slim build: --include-exe is SLIM_INCLUDE_EXE; what may be repeated has one line each
  }
}

# What confines the image where it runs, its evidence and its bills of materials: docker buildx bake artifacts
target "artifacts" {
  inherits = ["slim"]
  target   = "slim-artifacts"
  tags     = []
  output   = ["type=local,dest=profile"]
}
