package dev.sfumato.run;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * The folder that a training run writes. It is locked while the run uses it. Its checkpoints,
 * {@code checkpoints/step-NNNNNN}, are either complete or absent.
 */
public final class OutputDirectory implements AutoCloseable {
  private static final String LOCK = ".lock";
  private static final String CHECKPOINTS = "checkpoints";
  private static final String CHECKPOINT = "step-\\d{6,}";
  private static final String SETTINGS = "config.json";

  private final Path root;
  private final FileChannel lockFile;
  private final boolean isNew;
  private boolean toBeCleared;

  private OutputDirectory(Path root, FileChannel lockFile, boolean isNew, boolean toBeCleared) {
    this.root = root;
    this.lockFile = lockFile;
    this.isNew = isNew;
    this.toBeCleared = toBeCleared;
  }

  /**
   * Makes a new directory. It disappears if it is closed before anything is written.
   *
   * @param overwrite whether {@link #startAfter} deletes the content of an existing one
   * @throws SfumatoException if it exists, has content and must not be overwritten, is in use, or
   *     has content that is not a run's
   */
  public static OutputDirectory create(Path root, boolean overwrite) {
    if (hasContent(root) && !overwrite) {
      throw new SfumatoException(
          root
              + ": the output directory exists: use `resume` to continue or `overwrite` to start"
              + " anew");
    }
    if (overwrite && hasContent(root) && !Files.exists(root.resolve(LOCK))) {
      throw new SfumatoException(
          root
              + ": is not the output of an earlier run, so it is not overwritten: delete it"
              + " yourself");
    }
    return lock(root, overwrite);
  }

  /**
   * Requires that a run has started in a directory.
   *
   * @throws SfumatoException if none has
   */
  public static void requireRun(Path root) {
    if (!Files.exists(root.resolve(LOCK))) {
      throw new SfumatoException(root + ": there is no run to resume");
    }
  }

  /**
   * Opens the directory of a run to resume; a run that has not begun begins.
   *
   * @throws SfumatoException if it is in use or has content that is not a run's, or the run has
   *     ended and left no checkpoints
   */
  public static OutputDirectory open(Path root) {
    if (hasContent(root) && !Files.exists(root.resolve(LOCK))) {
      throw new SfumatoException(
          root + ": there is no run to resume, only other files: name another `output`");
    }
    if (Files.exists(root.resolve("model_index.json")) && !hasCheckpoint(root)) {
      throw new SfumatoException(
          root
              + ": has a model but no checkpoint to resume from: use `overwrite` to start anew, or"
              + " `model` with another `output`");
    }
    return lock(root, false);
  }

  private static OutputDirectory lock(Path root, boolean toBeCleared) {
    try {
      boolean isNew = !Files.exists(root);
      AtomicFile.createDirectories(root);
      FileChannel channel =
          FileChannel.open(root.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
      FileLock lock = tryLock(channel);
      if (lock == null) {
        channel.close();
        throw new SfumatoException(root + ": another run is using this output directory");
      }
      OutputDirectory output = new OutputDirectory(root, channel, isNew, toBeCleared);
      output.sweep();
      return output;
    } catch (IOException e) {
      throw new SfumatoException(root + ": cannot be used: " + AtomicFile.reason(e), e);
    }
  }

  private static FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // another run in this process
    }
  }

  /** Deletes files that a killed run left half written or half deleted. */
  private void sweep() {
    for (Path folder : list(root).stream().filter(Files::isDirectory).toList()) {
      list(folder).stream().filter(AtomicFile::isLeftover).forEach(AtomicFile::delete);
    }
    list(root).stream().filter(AtomicFile::isLeftover).forEach(AtomicFile::delete);
    list(root.resolve(CHECKPOINTS)).stream()
        .filter(path -> path.getFileName().toString().startsWith("."))
        .forEach(AtomicFile::delete);
  }

  /**
   * Prepares for a run that continues after {@code step}: deletes the checkpoints of later steps,
   * or everything if the directory is to be overwritten. The run's settings are written first, so a
   * run that is killed later can be resumed without giving them again.
   *
   * @param settings every option of the run by name
   */
  public void startAfter(long step, Map<String, Object> settings) {
    if (toBeCleared) {
      list(root).stream()
          .filter(path -> !path.getFileName().toString().equals(LOCK))
          .forEach(AtomicFile::delete);
      toBeCleared = false;
    }
    JsonFile.write(root.resolve(SETTINGS), settings);
    checkpoints().stream()
        .filter(checkpoint -> stepOf(checkpoint) > step)
        .forEach(OutputDirectory::discard);
  }

  /** Returns every option of the run by name; none if it has not begun. */
  @SuppressWarnings("unchecked")
  Map<String, Object> settings() {
    Path file = root.resolve(SETTINGS);
    return Files.exists(file) ? JsonFile.read(file, Map.class) : Map.of();
  }

  /** Returns the path of {@code name} in this directory. */
  public Path resolve(String name) {
    return root.resolve(name);
  }

  /** Returns the path of the checkpoint of {@code step}. */
  public Path checkpoint(long step) {
    return root.resolve(CHECKPOINTS).resolve(String.format(Locale.ROOT, "step-%06d", step));
  }

  /** Returns the newest checkpoint, if any. */
  public Optional<Path> latestCheckpoint() {
    return latestCheckpoint(root);
  }

  static Optional<Path> latestCheckpoint(Path root) {
    return checkpoints(root).stream().reduce((a, b) -> b);
  }

  /** Returns whether the folder {@code root} has a checkpoint to resume from. */
  public static boolean hasCheckpoint(Path root) {
    return latestCheckpoint(root).isPresent();
  }

  /** Lets {@code writer} fill a folder, which then becomes the checkpoint of {@code step}. */
  public void writeCheckpoint(long step, Consumer<Path> writer) {
    Path target = checkpoint(step);
    Path aside = target.resolveSibling("." + target.getFileName() + ".incomplete");
    try {
      AtomicFile.delete(aside);
      AtomicFile.createDirectories(aside);
      writer.accept(aside);
      discard(target);
      AtomicFile.publish(aside, target);
    } catch (IOException e) {
      throw new SfumatoException(target + ": cannot be written: " + AtomicFile.reason(e), e);
    } finally {
      AtomicFile.delete(aside);
    }
  }

  /** Deletes all checkpoints except the newest {@code keep}. */
  public void prune(int keep) {
    List<Path> all = checkpoints();
    all.subList(0, Math.max(0, all.size() - keep)).forEach(OutputDirectory::discard);
  }

  /** Returns all checkpoints, the oldest first. */
  List<Path> checkpoints() {
    return checkpoints(root);
  }

  private static List<Path> checkpoints(Path root) {
    return list(root.resolve(CHECKPOINTS)).stream()
        .filter(path -> path.getFileName().toString().matches(CHECKPOINT))
        .sorted(Comparator.comparingLong(OutputDirectory::stepOf))
        .toList();
  }

  private static long stepOf(Path checkpoint) {
    try {
      return Long.parseLong(checkpoint.getFileName().toString().substring("step-".length()));
    } catch (NumberFormatException e) {
      throw new SfumatoException(checkpoint + ": is not a checkpoint of this run: move it away", e);
    }
  }

  private static boolean hasContent(Path folder) {
    return Files.exists(folder)
        && list(folder).stream().anyMatch(p -> !p.getFileName().toString().equals(LOCK));
  }

  /** Returns the entries of a folder; none if it does not exist. */
  static List<Path> list(Path folder) {
    if (!Files.exists(folder)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(folder)) {
      return entries.toList();
    } catch (IOException e) {
      throw new SfumatoException(folder + ": cannot be listed: " + AtomicFile.reason(e), e);
    }
  }

  /** Deletes a checkpoint after taking away its name. */
  private static void discard(Path checkpoint) {
    if (!Files.exists(checkpoint)) {
      return;
    }
    Path doomed = checkpoint.resolveSibling("." + checkpoint.getFileName() + ".deleted");
    AtomicFile.delete(doomed);
    try {
      AtomicFile.rename(checkpoint, doomed);
    } catch (IOException e) {
      throw new SfumatoException(checkpoint + ": cannot be deleted: " + AtomicFile.reason(e), e);
    }
    AtomicFile.delete(doomed);
  }

  /** Unlocks the directory. */
  @Override
  public void close() {
    try (lockFile) {
      if (!hasContent(root)) {
        Files.delete(root.resolve(LOCK));
        if (isNew) {
          Files.delete(root);
        }
      }
    } catch (IOException e) {
      throw new SfumatoException(root + ": " + AtomicFile.reason(e), e);
    }
  }
}
