# syntax=docker/dockerfile:1
# Three stages: one installs, one runs on a CPU, one is the same for CUDA (`docker build --target cuda`).
# `--build-arg TORCH_INDEX=ADDRESS` takes torch from an index of CPU builds, which are gigabytes smaller. The app lies
# in /srv/sparsescope and is never written to; what it writes is in the volume /data. It refuses to start without
# SPARSESCOPE_TOKEN or SPARSESCOPE_READ_ONLY=true.
ARG PYTHON=3.11-slim-bookworm

FROM python:${PYTHON} AS base
RUN useradd --system --uid 10001 --no-create-home --home-dir /data sparsescope \
    && install --directory --owner=sparsescope --mode=0750 /data
WORKDIR /srv/sparsescope
ENV PATH=/opt/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 NUMBA_CACHE_DIR=/data/numba \
    SPARSESCOPE_HOST=0.0.0.0 SPARSESCOPE_DATA_DIR=/data SPARSESCOPE_LOG=json

FROM python:${PYTHON} AS installed-cpu
ARG TORCH_INDEX=
WORKDIR /srv/sparsescope
COPY pyproject.toml constraints.txt README.md setup.py sparsescope.py ./
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt ${TORCH_INDEX:+--index-url "${TORCH_INDEX}"} torch
COPY app app
COPY model model
RUN /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt --editable .

FROM python:${PYTHON} AS installed-cuda
WORKDIR /srv/sparsescope
COPY pyproject.toml constraints.txt README.md setup.py sparsescope.py ./
COPY app app
COPY model model
# The usual wheels of torch bring CUDA with them; the host needs its driver and the NVIDIA container toolkit alone.
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt --editable .

FROM base AS cuda
COPY --from=installed-cuda /opt/venv /opt/venv
COPY . .
USER 10001
ENV SPARSESCOPE_DEVICE=cuda NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["sparsescope", "serve"]

FROM base AS cpu
COPY --from=installed-cpu /opt/venv /opt/venv
COPY . .
USER 10001
ENV SPARSESCOPE_DEVICE=cpu
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["sparsescope", "serve"]
