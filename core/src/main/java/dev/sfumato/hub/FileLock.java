package dev.sfumato.hub;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A lock for one thread of one Java process at a time. It uses the same file as Python's {@code
 * filelock} and also leaves it in place. On Linux the two do not see each other: Python takes
 * {@code flock}, Java {@code fcntl} locks. Both may safely download the same blob, since Python
 * writes to its own file and both rename only complete files.
 */
final class FileLock implements AutoCloseable {
  /** Locks between threads, since file locks belong to processes. */
  private static final Map<Path, ReentrantLock> THREADS = new ConcurrentHashMap<>();

  private final ReentrantLock thread;
  private final FileChannel process;

  private FileLock(ReentrantLock thread, FileChannel process) {
    this.thread = thread;
    this.process = process;
  }

  /** Waits until the lock is free. */
  static FileLock acquire(Path file) {
    ReentrantLock thread = THREADS.computeIfAbsent(file, f -> new ReentrantLock());
    thread.lock();
    try {
      Files.createDirectories(file.getParent());
      FileLock lock =
          new FileLock(
              thread, FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.WRITE));
      lock.process.lock();
      return lock;
    } catch (IOException e) {
      thread.unlock();
      throw new SfumatoException(file + ": cannot be locked: " + AtomicFile.reason(e), e);
    }
  }

  @Override
  public void close() {
    try {
      process.close();
    } catch (IOException e) {
      throw new SfumatoException("cannot release a lock: " + AtomicFile.reason(e), e);
    } finally {
      thread.unlock();
    }
  }
}
