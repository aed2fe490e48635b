package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/** The files of a folder and of its subfolders. */
record FolderFiles(Path folder, List<String> names) implements PictureFiles {

  static FolderFiles of(Path folder) {
    try (Stream<Path> paths = Files.walk(folder, FileVisitOption.FOLLOW_LINKS)) {
      return new FolderFiles(
          folder,
          paths
              .filter(Files::isRegularFile)
              .map(path -> folder.relativize(path).toString().replace('\\', '/'))
              .filter(PictureFiles::isVisible)
              .sorted()
              .toList());
    } catch (IOException | UncheckedIOException e) {
      throw new SfumatoException(folder + ": cannot be listed (" + e.getMessage() + ")", e);
    }
  }

  @Override
  public String origin() {
    return folder.toString();
  }

  @Override
  public String path(String name) {
    return folder.resolve(name).toString();
  }

  @Override
  public byte[] read(String name) {
    return read(folder.resolve(name));
  }

  /** Returns the bytes of a file that is not too large for a picture. */
  static byte[] read(Path file) {
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new SfumatoException(file + ": more than 512 MB, which no picture here may have");
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new SfumatoException(file + ": no such file", e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + e.getMessage() + ")", e);
    }
  }
}
