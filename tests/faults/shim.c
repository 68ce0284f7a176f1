/* A library for LD_PRELOAD that makes file calls fail, kills the process at one, or logs them.

   Only files below two folders count: those of a collection and of its source. A process calls
   faults_configure() after its start; until then every call goes through. tests/faults/shim.py is
   the other side, and crash_images.py reads the log. All calls are made under one lock, so the log
   is in the order in which the kernel saw them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { OPEN, READ, WRITE, FSYNC, RENAME, UNLINK, MKDIR, LINK, TRUNCATE, MAP, KINDS };
enum record { R_CREATE = 1, R_WRITE, R_FSYNC, R_TRUNCATE, R_RENAME, R_UNLINK, R_MKDIR, R_LINK, R_MARK };

#define MAX_FDS 4096
static char roots[2][1024];
static char *fd_path[MAX_FDS];          /* of the open files that count; NULL for all others */
static long counts[KINDS], mutations;   /* calls so far */
static int fail_kind = -1, fail_errno, fail_permanently, log_fd = -1;
static long fail_at = -1, kill_at = -1, budget = -1, spent;
static int configured;
static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;

#define REAL(name) \
    static __typeof__(name) *real_##name; \
    if (!real_##name) real_##name = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

struct header { uint8_t record; uint8_t pad[3]; uint32_t path, path2, data; uint64_t inode; int64_t offset; };

static void log_call(int record, const char *path, const char *path2, uint64_t inode, int64_t offset,
                     const void *data, size_t size) {
    if (log_fd < 0) return;
    struct header header = {.record = record, .inode = inode, .offset = offset};
    header.path = path ? strlen(path) : 0;
    header.path2 = path2 ? strlen(path2) : 0;
    header.data = size;
    struct iovec parts[4] = {{&header, sizeof header}, {(void *)path, header.path},
                             {(void *)path2, header.path2}, {(void *)data, size}};
    REAL(writev);
    if (real_writev(log_fd, parts, 4) < 0) abort();
}

/* The roots are "" until configured; fault state may be changed by the owner at any time. */
void faults_configure(const char *first, const char *second, int kind, long nth, int permanently,
                      int error, long kill_call, long bytes, int log) {
    pthread_mutex_lock(&lock);
    snprintf(roots[0], sizeof roots[0], "%s", first);
    snprintf(roots[1], sizeof roots[1], "%s", second);
    memset(counts, 0, sizeof counts);
    mutations = spent = 0;
    fail_kind = kind, fail_at = nth, fail_permanently = permanently, fail_errno = error;
    kill_at = kill_call, budget = bytes, log_fd = log, configured = 1;
    pthread_mutex_unlock(&lock);
}

long faults_count(int kind) { return kind < 0 ? mutations : counts[kind]; }

void faults_mark(const char *text) {
    pthread_mutex_lock(&lock);
    log_call(R_MARK, NULL, NULL, 0, 0, text, strlen(text));
    pthread_mutex_unlock(&lock);
}

static int counts_path(const char *path) {
    for (int i = 0; configured && i < 2; i++) {
        size_t length = strlen(roots[i]);
        if (length && !strncmp(path, roots[i], length) && (!path[length] || path[length] == '/')) return 1;
    }
    return 0;
}

/* Make `path` absolute in `out`; return whether it counts. */
static int resolve(int folder, const char *path, char out[2048]) {
    if (!configured || !path) return 0;
    if (*path == '/') snprintf(out, 2048, "%s", path);
    else if (folder == AT_FDCWD) {
        char here[1024];
        if (!getcwd(here, sizeof here)) return 0;
        snprintf(out, 2048, "%s/%s", here, path);
    } else {
        if (folder < 0 || folder >= MAX_FDS || !fd_path[folder]) return 0;
        snprintf(out, 2048, "%s/%s", fd_path[folder], path);
    }
    return counts_path(out);
}

static int counts_fd(int fd) { return configured && fd >= 0 && fd < MAX_FDS && fd_path[fd]; }

/* Count a call. Returns 1 if it must fail; then errno is set. */
static int inject(enum kind kind) {
    long call = ++counts[kind];
    if (kind != READ && kind != OPEN && kind != MAP && ++mutations == kill_at) raise(SIGKILL);
    if (kind == fail_kind && fail_at > 0 && (call == fail_at || (fail_permanently && call > fail_at))) {
        errno = fail_errno;
        return 1;
    }
    return 0;
}

static uint64_t inode_of(int fd) {
    struct stat status;
    return fstat(fd, &status) ? 0 : status.st_ino;
}

static int opened(int fd, const char *path, int flags, int existed) {
    if (fd < 0 || fd >= MAX_FDS) return fd;
    free(fd_path[fd]);
    fd_path[fd] = strdup(path);
    if ((flags & O_CREAT) && !existed) log_call(R_CREATE, path, NULL, inode_of(fd), 0, NULL, 0);
    else if (flags & O_TRUNC) log_call(R_TRUNCATE, NULL, NULL, inode_of(fd), 0, NULL, 0);
    return fd;
}

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    REAL(openat);
    char path[2048];
    if (!resolve(folder, name, path)) return real_openat(folder, name, flags, mode);
    pthread_mutex_lock(&lock);
    int fd = -1;
    if (!inject(OPEN)) {
        int existed = !faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW);
        fd = opened(real_openat(folder, name, flags, mode), path, flags, existed);
    }
    pthread_mutex_unlock(&lock);
    return fd;
}

#define MODE(flags, last) \
    mode_t mode = 0; \
    if ((flags) & (O_CREAT | O_TMPFILE)) { va_list rest; va_start(rest, last); mode = va_arg(rest, int); va_end(rest); }

int open(const char *path, int flags, ...) { MODE(flags, flags) return open_at(AT_FDCWD, path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE(flags, flags) return open_at(AT_FDCWD, path, flags, mode); }
int openat(int folder, const char *path, int flags, ...) { MODE(flags, flags) return open_at(folder, path, flags, mode); }
int openat64(int folder, const char *path, int flags, ...) { MODE(flags, flags) return open_at(folder, path, flags, mode); }
int __open_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }
int __open64_2(const char *path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }

int close(int fd) {
    REAL(close);
    if (counts_fd(fd)) {
        pthread_mutex_lock(&lock);
        free(fd_path[fd]);
        fd_path[fd] = NULL;
        int result = real_close(fd);
        pthread_mutex_unlock(&lock);
        return result;
    }
    return real_close(fd);
}

#define READ_CALL(signature, call, fd) \
    signature { \
        if (!counts_fd(fd)) return call; \
        pthread_mutex_lock(&lock); \
        ssize_t result = inject(READ) ? -1 : call; \
        pthread_mutex_unlock(&lock); \
        return result; \
    }
static ssize_t read_of(int fd, void *to, size_t size) { REAL(read); return real_read(fd, to, size); }
static ssize_t pread_of(int fd, void *to, size_t size, off_t at) { REAL(pread); return real_pread(fd, to, size, at); }
READ_CALL(ssize_t read(int fd, void *to, size_t size), read_of(fd, to, size), fd)
READ_CALL(ssize_t __read_chk(int fd, void *to, size_t size, size_t room), (room, read_of(fd, to, size)), fd)
READ_CALL(ssize_t pread(int fd, void *to, size_t size, off_t at), pread_of(fd, to, size, at), fd)
READ_CALL(ssize_t pread64(int fd, void *to, size_t size, off64_t at), pread_of(fd, to, size, at), fd)

/* Write under the lock: may fail, may be cut short by the space that is left, is logged. */
static ssize_t write_at(int fd, const void *data, size_t size, off_t at, int positioned) {
    REAL(write);
    REAL(pwrite);
    pthread_mutex_lock(&lock);
    ssize_t result = -1;
    if (!inject(WRITE)) {
        if (budget >= 0 && spent + (long)size > budget) {
            size = spent < budget ? budget - spent : 0;
            if (!size) errno = ENOSPC;
        }
        if (size || budget < 0) {
            off_t start = at;
            if (!positioned) {
                int append = fcntl(fd, F_GETFL) & O_APPEND;
                start = lseek(fd, 0, append ? SEEK_END : SEEK_CUR);
                result = real_write(fd, data, size);
            } else result = real_pwrite(fd, data, size, at);
            if (result > 0) {
                spent += result;
                log_call(R_WRITE, NULL, NULL, inode_of(fd), start, data, result);
            }
        }
    }
    int error = errno;
    pthread_mutex_unlock(&lock);
    errno = error;
    return result;
}

ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    return counts_fd(fd) ? write_at(fd, data, size, 0, 0) : real_write(fd, data, size);
}
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
    REAL(pwrite);
    return counts_fd(fd) ? write_at(fd, data, size, at, 1) : real_pwrite(fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t at) { return pwrite(fd, data, size, at); }
ssize_t writev(int fd, const struct iovec *parts, int count) {
    REAL(writev);
    if (!counts_fd(fd)) return real_writev(fd, parts, count);
    for (int i = 0; i < count; i++) /* a short write is allowed: the first part that is not empty */
        if (parts[i].iov_len) return write_at(fd, parts[i].iov_base, parts[i].iov_len, 0, 0);
    return 0;
}

static int flush_of(int fd, int (*flush)(int)) {
    if (!counts_fd(fd)) return flush(fd);
    pthread_mutex_lock(&lock);
    int result = inject(FSYNC) ? -1 : flush(fd);
    if (!result) log_call(R_FSYNC, fd_path[fd], NULL, inode_of(fd), 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int fsync(int fd) { REAL(fsync); return flush_of(fd, real_fsync); }
int fdatasync(int fd) { REAL(fdatasync); return flush_of(fd, real_fdatasync); }

int ftruncate(int fd, off_t size) {
    REAL(ftruncate);
    if (!counts_fd(fd)) return real_ftruncate(fd, size);
    pthread_mutex_lock(&lock);
    int result = inject(TRUNCATE) ? -1 : real_ftruncate(fd, size);
    if (!result) log_call(R_TRUNCATE, NULL, NULL, inode_of(fd), size, NULL, 0);
    pthread_mutex_unlock(&lock);
    return result;
}
int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

/* A call on one or two names; `record` is logged with both. */
#define NAME_CALL(kind, record, folder, name, folder2, name2, call) \
    char path[2048] = "", path2[2048] = ""; \
    int first = resolve(folder, name, path), second = resolve(folder2, name2, path2); \
    if (!first && !second) return call; \
    pthread_mutex_lock(&lock); \
    int result = inject(kind) ? -1 : call; \
    if (!result) log_call(record, path, path2, 0, 0, NULL, 0); \
    int error = errno; \
    pthread_mutex_unlock(&lock); \
    errno = error; \
    return result;

int renameat(int a, const char *from, int b, const char *to) {
    REAL(renameat);
    NAME_CALL(RENAME, R_RENAME, a, from, b, to, real_renameat(a, from, b, to))
}
int rename(const char *from, const char *to) { return renameat(AT_FDCWD, from, AT_FDCWD, to); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat);
    NAME_CALL(LINK, R_LINK, a, from, b, to, real_linkat(a, from, b, to, flags))
}
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int unlinkat(int folder, const char *name, int flags) {
    REAL(unlinkat);
    NAME_CALL(UNLINK, R_UNLINK, folder, name, -1, NULL, real_unlinkat(folder, name, flags))
}
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdirat(int folder, const char *name, mode_t mode) {
    REAL(mkdirat);
    NAME_CALL(MKDIR, R_MKDIR, folder, name, -1, NULL, real_mkdirat(folder, name, mode))
}
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

void *mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset) {
    REAL(mmap);
    if (fd < 0 || !counts_fd(fd)) return real_mmap(at, size, protection, flags, fd, offset);
    pthread_mutex_lock(&lock);
    void *result = inject(MAP) ? MAP_FAILED : real_mmap(at, size, protection, flags, fd, offset);
    pthread_mutex_unlock(&lock);
    return result;
}
void *mmap64(void *at, size_t size, int protection, int flags, int fd, off64_t offset) {
    return mmap(at, size, protection, flags, fd, offset);
}

/* Copies inside the kernel would not be logged: callers fall back to read and write. */
ssize_t sendfile(int out, int in, off_t *at, size_t size) {
    static ssize_t (*real)(int, int, off_t *, size_t);
    if (!real) real = (__typeof__(real))dlsym(RTLD_NEXT, "sendfile");
    if (!counts_fd(out)) return real(out, in, at, size);
    errno = EINVAL;
    return -1;
}
ssize_t sendfile64(int out, int in, off64_t *at, size_t size) { return sendfile(out, in, at, size); }
ssize_t copy_file_range(int in, off64_t *a, int out, off64_t *b, size_t size, unsigned flags) {
    REAL(copy_file_range);
    if (!counts_fd(out)) return real_copy_file_range(in, a, out, b, size, flags);
    errno = ENOSYS;
    return -1;
}
