# An unchanged Dockerfile as it is, and slim, in one call. In examples/hello, after prepare.sh: docker buildx bake -f ../bake/docker-bake.hcl
# FRONTEND is the image that `make frontend-image` makes, in a registry that BuildKit reaches.

variable "FRONTEND" {
  default = "registry.example.com/slim-frontend:1"
}

group "default" {
  targets = ["full", "slim"]
}

target "full" {
  context = "."
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

# What confines the image where it runs, its evidence and its bills of materials: docker buildx bake -f ../bake/docker-bake.hcl artifacts
target "artifacts" {
  inherits = ["slim"]
  target   = "slim-artifacts"
  tags     = []
  output   = ["type=local,dest=profile"]
}
