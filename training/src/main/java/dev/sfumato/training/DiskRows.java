package dev.sfumato.training;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.stream.Stream;
import java.util.zip.CRC32;

/**
 * Rows on the disk, a file for each, named by its key. A file gets its name when it is whole, and
 * has a checksum, so what a killed process leaves is never read. Several processes may use a folder
 * together.
 */
final class DiskRows implements RowStore {
  private static final System.Logger log = System.getLogger(DiskRows.class.getName());

  private static final Duration LEFT = Duration.ofHours(1);
  private static final String ROW = "row";
  private static final String CHECKSUM = "crc32";

  private final Supplier<Path> place;
  private Path folder;
  private boolean full;

  /**
   * @param place returns the folder, once and when it is needed
   */
  DiskRows(Supplier<Path> place) {
    this.place = place;
  }

  private Path file(String key) {
    if (folder == null) {
      folder = place.get();
      sweep();
    }
    return folder.resolve(key.substring(0, 2)).resolve(key + ".safetensors");
  }

  /** Deletes what killed processes left, but nothing that another process writes now. */
  private void sweep() {
    if (!Files.isDirectory(folder)) {
      return;
    }
    try (Stream<Path> parts = Files.list(folder)) {
      parts.filter(Files::isDirectory).forEach(part -> AtomicFile.deleteLeftovers(part, LEFT));
    } catch (IOException | SfumatoException e) {
      log.log(Level.WARNING, folder + ": what a killed run left is not deleted: " + e.getMessage());
    }
  }

  @Override
  public Optional<Row> find(String key) {
    Path file = file(key);
    if (!Files.isRegularFile(file)) {
      return Optional.empty();
    }
    try (Scope scope = Scope.open()) {
      Safetensors saved = Safetensors.open(file);
      Tensor row = saved.tensor(ROW);
      boolean sound = checksum(row).equals(saved.metadata().get(CHECKSUM));
      return sound ? Optional.of(Row.of(row)) : Optional.empty();
    } catch (SfumatoException e) {
      return Optional.empty(); // it is made anew, and the file replaced
    }
  }

  @Override
  public void keep(String key, Row row) {
    if (full) {
      return;
    }
    try (Scope scope = Scope.open()) {
      Tensor tensor = row.tensor();
      Safetensors.write(file(key), Map.of(ROW, tensor), Map.of(CHECKSUM, checksum(tensor)));
    } catch (SfumatoException e) {
      full = true;
      log.log(Level.WARNING, "latents are no longer kept on the disk: " + e.getMessage());
    }
  }

  private static String checksum(Tensor row) {
    CRC32 sum = new CRC32();
    sum.update(row.toBytes());
    return Long.toHexString(sum.getValue());
  }
}
