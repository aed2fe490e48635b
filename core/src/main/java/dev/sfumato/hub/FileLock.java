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
 * One thread of one Java process at a time. The file is the one that Python's {@code filelock} uses
 * and is left in place as there. On Linux the two do not see each other: Python takes {@code
 * flock}, Java {@code fcntl} locks. Nothing breaks where both download the same blob, as Python
 * writes to a file of its own and both rename only what is whole.
 */
final class FileLock implements AutoCloseable {
  /** Locks of files belong to processes, so threads need their own. */
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
