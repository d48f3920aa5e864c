# Two stages: browser files and the wheel are made in the first, the second has only what runs.
FROM node:22-bookworm-slim AS pages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /src
COPY . .
COPY --from=pages /src/node_modules node_modules
RUN python -m api.web.vendor && pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
COPY constraints.txt /constraints.txt
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --constraint /constraints.txt /wheels/*.whl \
    && useradd --create-home --uid 10001 aquavolt \
    && install -d -o aquavolt /data
USER aquavolt
VOLUME /data
ENV AQUAVOLT_DATA=/data
HEALTHCHECK --interval=15s --timeout=3s --start-period=60s \
    CMD python -c "import os, urllib.request as u; u.urlopen(f'http://127.0.0.1:{os.environ.get(\"AQUAVOLT_PORT\", 8000)}/healthz', timeout=2)"
ENTRYPOINT ["aquavolt"]
CMD ["demo", "--data", "/data"]
