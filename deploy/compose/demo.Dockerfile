# The demo fleet and its central system: docker build -f deploy/compose/demo.Dockerfile .
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
RUN python3 -m venv /app
COPY deploy/local/requirements.txt ./
RUN --mount=type=secret,id=ca,target=/run/ca.pem \
    if [ -s /run/ca.pem ]; then export PIP_CERT=/run/ca.pem; fi \
 && /app/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r requirements.txt
COPY libs/common libs/common
COPY deploy/local deploy/local
RUN /app/bin/pip install --no-cache-dir --no-index --no-deps --no-build-isolation ./libs/common ./deploy/local

# The embedded engines are for the local run; the demo needs none.
FROM build AS demo
RUN cd /app/lib/python3*/site-packages && rm -rf chdb* calfkit* pyarrow* pandas* numpy* datastore* faust*

FROM ${BASE}
RUN useradd --system --uid 10001 --no-create-home --home-dir /nonexistent ocpplog
COPY --from=demo /app /app
ENV PATH=/app/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001
WORKDIR /tmp
