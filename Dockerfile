# Two stages: one installs, one runs. The app lies in /srv/sparsescope, what it writes in the volume /data.
FROM python:3.11-slim AS installed
WORKDIR /srv/sparsescope
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md ./
COPY app app
COPY model model
RUN /opt/venv/bin/pip install --no-cache-dir --constraint constraints.txt --editable .

FROM python:3.11-slim
RUN useradd --system --create-home --uid 10001 sparsescope && install -d -o sparsescope /data
WORKDIR /srv/sparsescope
COPY --from=installed /opt/venv /opt/venv
COPY . .
USER sparsescope
ENV PATH=/opt/venv/bin:$PATH SPARSESCOPE_HOST=0.0.0.0 SPARSESCOPE_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --start-period=30s CMD \
    ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=3)"]
CMD ["sparsescope", "serve"]
