package dev.sfumato.data;

import dev.sfumato.SfumatoException;
import dev.sfumato.picture.PictureReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
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
    return PictureReader.bytes(folder.resolve(name));
  }
}
