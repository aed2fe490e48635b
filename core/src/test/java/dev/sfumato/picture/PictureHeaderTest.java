package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Sizes told by headers, against those of the decoded pictures. */
class PictureHeaderTest {
  private static final Path PICTURES = Path.of("src/test/resources/pictures");

  @Test
  void everyHeaderTellsTheSizeOfItsPicture() throws IOException {
    List<Path> files;
    try (Stream<Path> all = Files.list(PICTURES)) {
      files = all.toList();
    }
    assertThat(files.size()).isAtLeast(50);
    for (Path file : files) {
      byte[] bytes = Files.readAllBytes(file);
      Pixels picture = PictureReader.read(bytes, file.toString());
      assertWithMessage(file.toString())
          .that(PictureHeader.size(bytes, true))
          .isEqualTo(Optional.of(new Size(picture.height(), picture.width())));
    }
  }

  @Test
  void theBeginningIsEnoughOrSaysThatItIsNot() {
    byte[] png = PictureGolden.file("rotated.png");
    byte[] webp = PictureGolden.file("rotated.webp");
    byte[] jpeg = PictureGolden.file("rotated.jpg");
    assertThat(PictureHeader.size(Arrays.copyOf(png, png.length - 20), false))
        .isEqualTo(PictureHeader.size(png, true));
    assertThat(PictureHeader.size(Arrays.copyOf(webp, 60), false)).isEmpty(); // turned at the end
    assertThat(PictureHeader.size(Arrays.copyOf(jpeg, 30), false)).isEmpty();
    assertThat(PictureHeader.size(new byte[0], true)).isEmpty();
    assertThat(PictureHeader.size("not a picture".getBytes(), true)).isEmpty();
  }
}
