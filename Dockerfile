FROM python:3.11-slim

COPY . /src
RUN pip install --no-cache-dir -c /src/constraints.txt "/src[serve,postgres,text]" \
    && rm -rf /src \
    && useradd --create-home warmstart \
    && mkdir /data && chown warmstart /data
USER warmstart
WORKDIR /data
EXPOSE 8480
ENTRYPOINT ["warmstart"]
CMD ["serve", "--model", "/data/model", "--store", "sqlite:////data/shop.db", "--host", "0.0.0.0", "--port", "8480", "--workers", "2"]
