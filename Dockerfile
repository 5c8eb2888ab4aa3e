# The image of the service: `giftcert` with what it needs to run, for every kind of pod.
#
#   docker build --build-arg SOURCE_COMMIT="$(git rev-parse HEAD)" -t gift-certificates .
#
# BASE is the tag python:3.12.14-slim-bookworm by its digest, for every platform it is made for. Move the two together.
ARG BASE=docker.io/library/python:3.12.14-slim-bookworm@sha256:782412e85d0f0984994c290652577d4018aff08145c85b262bb63dc0c7522254

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# Two environments: one with the tools of the build, which stays here, and one that travels on and has no pip.
RUN python3 -m venv /opt/build && python3 -m venv --without-pip /opt/giftcert
COPY requirements-build.lock requirements-runtime.lock ./
RUN /opt/build/bin/python -m pip install --quiet --only-binary :all: --require-hashes -r requirements-build.lock \
    && /opt/build/bin/python -m pip --python /opt/giftcert/bin/python install --quiet \
       --only-binary :all: --require-hashes -r requirements-runtime.lock
COPY pyproject.toml README.md hatch_build.py ./
COPY avro avro
COPY state state
COPY pipelines pipelines
COPY http_edge http_edge
# The commit it is made of: 40 hexadecimal digits, stamped into the package for `giftcert --version`.
ARG SOURCE_COMMIT=""
RUN SOURCE_COMMIT="${SOURCE_COMMIT}" /opt/build/bin/python -m pip wheel --quiet --no-deps --no-build-isolation \
      --wheel-dir /build/dist . \
    && /opt/build/bin/python -m pip --python /opt/giftcert/bin/python install --quiet --no-deps --no-index dist/*.whl \
    && /opt/giftcert/bin/giftcert --version

FROM ${BASE}
ARG SOURCE_COMMIT=""
LABEL org.opencontainers.image.title="gift-certificates" \
      org.opencontainers.image.description="Gift certificates of a retailer, as a stream on Kafka" \
      org.opencontainers.image.revision="${SOURCE_COMMIT}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.12.14-slim-bookworm"
# Nothing is installed in a running container. A numeric user, so that `runAsNonRoot` can see what it is. The base has no
# bytecode of Python's own library: without it every start would compile that anew.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* \
    && groupadd --gid 10001 giftcert \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/giftcert --shell /usr/sbin/nologin giftcert \
    && install -d -o 10001 -g 10001 -m 0750 /var/lib/giftcert \
    && python3 -m compileall -q "$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/giftcert /opt/giftcert
# The root file system may be read-only: bytecode is there already, and all that is written goes to the volume.
ENV PATH=/opt/giftcert/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    GIFTCERT_STATE_DIR=/var/lib/giftcert/state GIFTCERT_LOG_FORMAT=json
USER 10001:10001
WORKDIR /var/lib/giftcert
VOLUME /var/lib/giftcert
# It handles SIGTERM itself, also as process 1, and waits for every process that it starts: no init is needed.
STOPSIGNAL SIGTERM
EXPOSE 8080
# Health is asked at /healthz and /readyz by what runs the container; commands that end have none.
HEALTHCHECK NONE
ENTRYPOINT ["giftcert"]
CMD ["--help"]
