# ragkit's server: index a folder, search it, answer questions. Without torch (requirements/light.txt).
#
#   docker build -t ragkit .
#   docker run --rm -p 127.0.0.1:8765:8765 -e RAGKIT_TOKEN="$(openssl rand -hex 16)" \
#     -v ragkit:/data -v ~/docs:/docs:ro ragkit
#
# compose.yaml does the same, beside a server for language models.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/ragkit
COPY requirements/light.txt requirements/light.txt
RUN /opt/ragkit/bin/python -m pip install --no-cache-dir --no-deps -r requirements/light.txt
COPY pyproject.toml README.md LICENSE ./
COPY ragkit ragkit
RUN /opt/ragkit/bin/python -m pip install --no-cache-dir --no-deps .

FROM python:3.13-slim
RUN useradd --create-home --uid 10001 ragkit \
    && mkdir /data /docs \
    && chown ragkit /data
COPY --from=build /opt/ragkit /opt/ragkit
# The collection, settings and caches are in the volume; nothing is downloaded at run time.
ENV PATH="/opt/ragkit/bin:$PATH" \
    PYTHONUNBUFFERED=1 \
    HF_HUB_OFFLINE=1 \
    RAGKIT_COLLECTION=/data/collection \
    RAGKIT_CONFIG_DIR=/data/config \
    RAGKIT_CACHE_DIR=/data/cache \
    RAGKIT_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME ["/data"]
EXPOSE 8765
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8765/v1/health', timeout=4)"]
# Other machines can connect, so every request carries the token in RAGKIT_TOKEN.
ENTRYPOINT ["ragkit"]
CMD ["serve", "/docs", "--host", "0.0.0.0", "--token-env", "RAGKIT_TOKEN"]
