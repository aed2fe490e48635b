package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.model.PictureSpace;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Pixels;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PreviewTest {
  @TempDir Path folder;

  private Preview preview() {
    Path file = folder.resolve("a-preview.png");
    return new Preview(file, PictureSpace.PIXELS, images -> Pictures.grid(images, 1));
  }

  @Test
  void liesBesideTheOutput() {
    assertThat(Preview.beside(Path.of("runs/a.b.png"))).isEqualTo(Path.of("runs/a.b-preview.png"));
    assertThat(Preview.beside(Path.of("pictures"))).isEqualTo(Path.of("pictures-preview.png"));
    assertThat(Preview.beside(Path.of(".x"))).isEqualTo(Path.of(".x-preview.png"));
  }

  @Test
  void oneOfTenPartsOfTheStepsIsShown() {
    List<Integer> shown = new ArrayList<>();
    try (Scope scope = Scope.open()) {
      Tensor picture = Tensor.zeros(1, 3, 8, 8);
      for (int i = 0; i < 25; i++) {
        int index = i;
        preview()
            .show(
                new Step(i, 25, 0),
                () -> {
                  shown.add(index);
                  return picture;
                });
      }
    }
    assertThat(shown).containsExactly(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24).inOrder();
  }

  @Test
  void isSmallAndReplaced() {
    try (Scope scope = Scope.open()) {
      Tensor white = Tensor.full(1, 2, 3, 200, 400);
      preview().show(new Step(0, 1, 0), () -> white);
      Pixels first = PictureReader.read(folder.resolve("a-preview.png"));
      assertThat(first.height()).isEqualTo(2 + 64 + 2);
      assertThat(first.width()).isEqualTo(2 + 128 + 2 + 128 + 2);
      assertThat(first.at(0, 30, 30)).isEqualTo(255);
      preview().finish(white.neg());
      assertThat(PictureReader.read(folder.resolve("a-preview.png")).at(0, 30, 30)).isEqualTo(0);
    }
  }

  /** As of the first step of a schedule that begins with pure noise. */
  @Test
  void aGuessThatIsNoNumberIsNotShown() {
    try (Scope scope = Scope.open()) {
      preview().show(new Step(0, 1, 0), () -> Tensor.full(Double.NaN, 1, 3, 8, 8));
    }
    assertThat(Files.exists(folder.resolve("a-preview.png"))).isFalse();
  }
}
