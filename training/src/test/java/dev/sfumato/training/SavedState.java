package dev.sfumato.training;

import static com.google.common.truth.Truth.assertWithMessage;

import dev.sfumato.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** The state of a trainer and its weights in files, to compare their bits. */
record SavedState(Path folder) {

  /** Saves it in a new folder. */
  static SavedState of(Trainer trainer, Path folder) throws IOException {
    Files.createDirectory(folder);
    trainer.save(folder);
    Safetensors.write(
        folder.resolve("weights.safetensors"), trainer.loss().network().parameters(), Map.of());
    return new SavedState(folder);
  }

  Path progress() {
    return folder.resolve("progress.json");
  }

  private List<String> names() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).sorted().toList();
    }
  }

  void assertSame(SavedState expected) throws IOException {
    assertWithMessage("files").that(names()).isEqualTo(expected.names());
    for (String name : names()) {
      assertWithMessage(name)
          .that(Files.mismatch(folder.resolve(name), expected.folder.resolve(name)))
          .isEqualTo(-1);
    }
  }
}
