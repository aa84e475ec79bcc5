#include "persistence/sqlite_wal_writer.hpp"

#include <sqlite3.h>

#include <cstring>
#include <new>
#include <string>

namespace gatehouse::persistence {
namespace {

// A commit of more is written in several pieces. SQLite's own files take no more than 128 KiB - 1 at once.
constexpr std::size_t kept_bytes_max = 64 * 1024;

// A write-ahead log whose writes are kept until somebody has to see them: a sync, a read, a look at the size.
// SQLite tells the other connections of new pages only after the sync of their commit, so none of them looks
// for pages that are still kept here. The system's own file lies behind this object, in the same memory.
struct wal_file : sqlite3_file {
    sqlite3_file* below() { return reinterpret_cast<sqlite3_file*>(this + 1); }

    int flush() {
        if (kept.empty()) return SQLITE_OK;
        int const code =
            below()->pMethods->xWrite(below(), kept.data(), static_cast<int>(kept.size()), begin);
        kept.clear();
        return code;
    }

    int write(void const* bytes, int count, sqlite3_int64 at) {
        auto const size = static_cast<std::size_t>(count);
        bool const follows = at == begin + static_cast<sqlite3_int64>(kept.size());
        if (!kept.empty() && (!follows || kept.size() + size > kept_bytes_max)) {
            if (int const code = flush(); code != SQLITE_OK) return code;
        }
        if (kept.empty()) begin = at;
        kept.append(static_cast<char const*>(bytes), size);
        return SQLITE_OK;
    }

    sqlite3_int64 begin = 0; // where `kept` belongs
    std::string kept;
};

wal_file& wal(sqlite3_file* file) { return *static_cast<wal_file*>(file); }

// Calls `Method` of the system's file, once what is kept is written.
template <auto Method, class... Args>
int flush_and_call(sqlite3_file* file, Args... args) {
    if (int const code = wal(file).flush(); code != SQLITE_OK) return code;
    auto* const below = wal(file).below();
    return (below->pMethods->*Method)(below, args...);
}

int close(sqlite3_file* file) {
    auto& log = wal(file);
    int const written = log.flush();
    int const closed = log.below()->pMethods->xClose(log.below());
    log.~wal_file();
    return written != SQLITE_OK ? written : closed;
}

int write(sqlite3_file* file, void const* bytes, int count, sqlite3_int64 at) {
    return wal(file).write(bytes, count, at);
}

int sector_size(sqlite3_file* file) { return wal(file).below()->pMethods->xSectorSize(wal(file).below()); }

int device_characteristics(sqlite3_file* file) {
    return wal(file).below()->pMethods->xDeviceCharacteristics(wal(file).below());
}

using methods = sqlite3_io_methods;

methods const wal_methods{
    .iVersion = 1,
    .xClose = close,
    .xRead = flush_and_call<&methods::xRead, void*, int, sqlite3_int64>,
    .xWrite = write,
    .xTruncate = flush_and_call<&methods::xTruncate, sqlite3_int64>,
    .xSync = flush_and_call<&methods::xSync, int>,
    .xFileSize = flush_and_call<&methods::xFileSize, sqlite3_int64*>,
    .xLock = flush_and_call<&methods::xLock, int>,
    .xUnlock = flush_and_call<&methods::xUnlock, int>,
    .xCheckReservedLock = flush_and_call<&methods::xCheckReservedLock, int*>,
    .xFileControl = flush_and_call<&methods::xFileControl, int, void*>,
    .xSectorSize = sector_size,
    .xDeviceCharacteristics = device_characteristics,
    .xShmMap = nullptr,
    .xShmLock = nullptr,
    .xShmBarrier = nullptr,
    .xShmUnmap = nullptr,
    .xFetch = nullptr,
    .xUnfetch = nullptr,
};

// The system's VFS, whose place ours takes. Never freed: SQLite may ask for either until the process ends.
struct vfs_pair {
    sqlite3_vfs* const system = sqlite3_vfs_find(nullptr);
    sqlite3_vfs ours = *system;
};
vfs_pair& vfs();

int open(sqlite3_vfs*, char const* name, sqlite3_file* file, int flags, int* opened) {
    auto* const system = vfs().system;
    if ((flags & SQLITE_OPEN_WAL) == 0) return system->xOpen(system, name, file, flags, opened);
    auto* const log = new (file) wal_file();
    std::memset(static_cast<void*>(log->below()), 0, static_cast<std::size_t>(system->szOsFile));
    int const code = system->xOpen(system, name, log->below(), flags, opened);
    log->pMethods = code == SQLITE_OK ? &wal_methods : nullptr;
    if (code != SQLITE_OK) log->~wal_file();
    return code;
}

vfs_pair& vfs() {
    static vfs_pair both = [] {
        vfs_pair made;
        made.ours.zName = "gatehouse";
        made.ours.szOsFile += static_cast<int>(sizeof(wal_file));
        made.ours.xOpen = open;
        return made;
    }();
    return both;
}

} // namespace

void write_wal_in_one_piece() {
    [[maybe_unused]] static int const registered = sqlite3_vfs_register(&vfs().ours, 1);
}

} // namespace gatehouse::persistence
