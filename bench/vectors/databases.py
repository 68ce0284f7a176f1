"""Vector databases, each built, opened and queried as its own documentation says.

`bench.vectors.engine` uses them under the Python interpreter that has them. `search_params` are
tried in order; `modules` are the modules that a program imports to use the database.
"""

from __future__ import annotations

import numpy as np

HNSW_WIDTHS = (32, 64, 128, 256, 512, 1024, 2048)  # of HNSW


class Chroma:
    modules = ("chromadb",)
    search_params = ()

    def build(self, rows, folder):
        import chromadb

        hnsw = {"space": "cosine", "ef_construction": 128, "max_neighbors": 16, "ef_search": 128}
        collection = chromadb.PersistentClient(str(folder / "index")).create_collection(
            "vectors", configuration={"hnsw": hnsw}, embedding_function=None
        )
        for first in range(0, len(rows), 5_000):
            part = rows[first : first + 5_000]
            names = [str(number) for number in range(first, first + len(part))]
            collection.add(ids=names, embeddings=part)

    def open(self, folder, _):
        import chromadb

        client = chromadb.PersistentClient(str(folder / "index"))
        self.collection = client.get_collection("vectors", embedding_function=None)

    def query_index(self, query):
        results = self.collection.query(query_embeddings=query[None], n_results=10, include=[])
        return [int(name) for name in results["ids"][0]]


class Lancedb:
    modules = ("lancedb", "pyarrow")
    search_params = ((10, 5), (20, 5), (20, 15), (50, 15))

    def build(self, rows, folder):
        import lancedb
        import pyarrow as pa

        flat = pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])
        table = pa.table({"id": pa.array(np.arange(len(rows))), "vector": flat})
        table_ = lancedb.connect(str(folder / "index")).create_table("vectors", table)
        table_.create_index(metric="cosine", index_type="IVF_RQ")

    def open(self, folder, _):
        import lancedb

        self.table = lancedb.connect(str(folder / "index")).open_table("vectors")
        self.set_search_param(self.search_params[0])

    def set_search_param(self, search_param):
        self.search_param = search_param

    def query_index(self, query):
        search = self.table.search(query).metric("cosine").limit(10).select(["id"])
        return (
            search.nprobes(self.search_param[0])
            .refine_factor(self.search_param[1])
            .to_arrow()["id"]
            .to_numpy()
        )


class SqliteVec:
    modules = ("sqlite_vec",)
    search_params = ()

    def _connected(self, folder):
        import sqlite_vec

        try:  # a build that can load extensions; Python's own often cannot
            import pysqlite3 as sqlite3
        except ImportError:
            import sqlite3

        connection = sqlite3.connect(str(folder / "index"))
        connection.enable_load_extension(True)
        sqlite_vec.load(connection)
        return connection

    def build(self, rows, folder):
        connection = self._connected(folder)
        kind = f"float[{rows.shape[1]}] distance_metric=cosine"
        connection.execute(f"CREATE VIRTUAL TABLE kept USING vec0(e {kind})")
        blobs = ((place, row.tobytes()) for place, row in enumerate(rows))
        connection.executemany("INSERT INTO kept (rowid, e) VALUES (?, ?)", blobs)
        connection.commit()

    def open(self, folder, _):
        self.connection = self._connected(folder)

    def query_index(self, query):
        sql = "SELECT rowid FROM kept WHERE e MATCH ? AND k = 10 ORDER BY distance"
        return [row[0] for row in self.connection.execute(sql, (query.tobytes(),))]


class Zvec:
    modules = ("zvec",)
    search_params = HNSW_WIDTHS

    def build(self, rows, folder):
        import zvec

        kind = zvec.HnswIndexParam(metric_type=zvec.MetricType.COSINE, m=16, ef_construction=128)
        fields = [zvec.VectorSchema("e", zvec.DataType.VECTOR_FP32, rows.shape[1], kind)]
        collection = zvec.create_and_open(
            str(folder / "index"), zvec.CollectionSchema("kept", fields=[], vectors=fields)
        )
        for first in range(0, len(rows), 1_000):
            part = rows[first : first + 1_000]
            collection.insert(
                [zvec.Doc(id=str(first + at), vectors={"e": row}) for at, row in enumerate(part)]
            )
        collection.optimize()
        collection.flush()

    def open(self, folder, _):
        import zvec

        self.zvec, self.collection, self.width = (
            zvec,
            zvec.open(str(folder / "index")),
            HNSW_WIDTHS[0],
        )

    def set_search_param(self, width):
        self.width = width

    def query_index(self, query):
        params = self.zvec.HnswQueryParam(ef=self.width)
        results = self.collection.query(
            self.zvec.VectorQuery("e", vector=query, param=params), topk=10
        )
        return [int(document.id) for document in results]


class QdrantEdge:
    modules = ("qdrant_edge",)
    search_params = HNSW_WIDTHS

    def build(self, rows, folder):
        import qdrant_edge as q

        size = q.EdgeVectorParams(size=rows.shape[1], distance=q.Distance.Cosine)
        hnsw = q.HnswIndexConfig(
            m=16, ef_construct=128, full_scan_threshold=1_000, max_indexing_threads=2
        )
        often = q.EdgeOptimizersConfig(indexing_threshold=1_000, default_segment_number=1)
        (folder / "index").mkdir()
        config = q.EdgeConfig(vectors=size, hnsw_config=hnsw, optimizers=often)
        shard = q.EdgeShard.create(str(folder / "index"), config)
        for first in range(0, len(rows), 5_000):
            part = enumerate(rows[first : first + 5_000], start=first)
            points = [q.Point(id=at, vector=row.tolist(), payload={}) for at, row in part]
            shard.update(q.UpdateOperation.upsert_points(points))
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self, folder, _):
        import qdrant_edge

        self.q, self.width = qdrant_edge, HNSW_WIDTHS[0]
        self.shard = qdrant_edge.EdgeShard.load(str(folder / "index"))

    def set_search_param(self, width):
        self.width = width

    def query_index(self, query):
        params = self.q.QueryRequest(
            limit=10,
            query=self.q.Query.Nearest(query.tolist()),
            params=self.q.SearchParams(hnsw_ef=self.width),
            with_payload=False,
            with_vector=False,
        )
        return [hit.id for hit in self.shard.query(params)]
