# Three stages: the browser files, the wheel, and what runs. docker-compose.yml starts it as services; by itself it is
# the demo campus: docker run --rm --network host aquavolt:0.1.0
FROM node:22.17.0-bookworm-slim AS pages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --ignore-scripts --no-audit --no-fund

FROM python:3.11.13-slim-bookworm AS wheel
WORKDIR /src
COPY . .
COPY --from=pages /src/node_modules node_modules
RUN pip install --no-cache-dir --constraint constraints.txt hatchling \
    && python -m api.web.vendor \
    && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.11.13-slim-bookworm
COPY constraints.txt /constraints.txt
COPY --from=wheel /wheels /wheels
RUN pip install --no-cache-dir --constraint /constraints.txt "$(echo /wheels/*.whl)[postgres]" \
    && useradd --create-home --uid 10001 aquavolt \
    && install -d -o aquavolt /data /demo /token
COPY deploy/compose/healthy.py deploy/compose/reader_token.py /usr/local/lib/
USER aquavolt
VOLUME /data
ENV AQUAVOLT_DATA=/data PYTHONUNBUFFERED=1
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s \
    CMD ["python", "/usr/local/lib/healthy.py", "http://127.0.0.1:8000/healthz"]
ENTRYPOINT ["aquavolt"]
CMD ["demo", "--data", "/data"]
