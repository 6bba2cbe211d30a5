# One image for every process of Cadenza; the command says which.
#
#     docker build -t cadenza:0.1.0 .
#
# Everything is pinned: the base by tag and digest, what pip installs by the
# hashes of requirements/*.txt. Behind a mirror: --build-arg PIP_INDEX_URL=…
ARG PYTHON_IMAGE=python:3.11.15-slim-bookworm@sha256:d29f48a31a8b408ed19272ca1e7b10ebae13b240a27e862d3d4217c528e2e0c3

# The wheel, with the locked build backend.
FROM ${PYTHON_IMAGE} AS wheel
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /source
COPY requirements/dev.txt requirements/
RUN python -m pip install --require-hashes --only-binary :all: -r requirements/dev.txt
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

# The environment that runs.
FROM ${PYTHON_IMAGE} AS environment
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/cadenza
COPY requirements/runtime.txt requirements/
RUN /opt/cadenza/bin/python -m pip install --require-hashes --only-binary :all: -r requirements/runtime.txt
COPY --from=wheel /wheels /wheels
RUN /opt/cadenza/bin/python -m pip install --no-deps /wheels/*.whl

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="cadenza" \
      org.opencontainers.image.description="A self-hosted, distributed engine for sales cadences" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin cadenza
COPY --from=environment /opt/cadenza /opt/cadenza
ENV PATH=/opt/cadenza/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CADENZA_METRICS_HOST=0.0.0.0 \
    CADENZA_METRICS_PORT=9465
USER 10001:10001
# Python as the first process ignores signals that it has no handler for, such as
# SIGTERM before a process has set up its own: run it with --init (compose does).
ENTRYPOINT ["cadenza"]
CMD ["--help"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:9465/healthz', timeout=3)"]
