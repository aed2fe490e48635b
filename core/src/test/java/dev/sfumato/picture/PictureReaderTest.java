package dev.sfumato.picture;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class PictureReaderTest {
  private static final JsonNode FILES = PictureGolden.json().get("files");

  static Stream<String> files() {
    return FILES.properties().stream().map(Map.Entry::getKey);
  }

  @ParameterizedTest
  @MethodSource("files")
  void readsTheColoursThatPillowReads(String name) {
    Pixels pixels = PictureReader.read(PictureGolden.file(name), name);
    Pixels golden = PictureGolden.pixels(FILES.get(name));
    assertWithMessage(name).that(PictureGolden.distance(pixels, golden)).isAtMost(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "subsampled.jpg",
        "progressive.jpeg",
        "cmyk.jpg",
        "gray.png",
        "transparent.gif",
        "lossy.webp",
        "lossless-alpha.webp",
        "color.bmp"
      })
  void refusesWhatEndsTooEarly(String name) {
    byte[] whole = PictureGolden.file(name);
    for (double part : new double[] {0.2, 0.6, 0.9}) {
      byte[] cut = Arrays.copyOf(whole, (int) (part * whole.length));
      assertThat(failure(cut, "folder/" + name)).startsWith("folder/" + name + ": damaged ");
    }
  }

  /** As Pillow does: phones put more behind the picture, and careless programs put it within. */
  @Test
  void takesBytesThatDoNotBelong() {
    byte[] whole = PictureGolden.file("subsampled.jpg");
    Pixels golden = PictureReader.read(whole, "subsampled.jpg");
    byte[] strange = "strange".getBytes(StandardCharsets.UTF_8);
    for (int at : new int[] {whole.length, whole.length - 2}) { // behind and before the end marker
      ByteBuffer file = ByteBuffer.allocate(whole.length + strange.length);
      file.put(whole, 0, at).put(strange).put(whole, at, whole.length - at);
      Pixels pixels = PictureReader.read(file.array(), "strange.jpg");
      assertThat(PictureGolden.distance(pixels, golden)).isEqualTo(0);
    }
  }

  @Test
  void aPreviewDoesNotHideThatThePictureIsCut() {
    byte[] whole = PictureGolden.file("subsampled.jpg");
    int cut = whole.length * 9 / 10;
    ByteBuffer file = ByteBuffer.allocate(2 + 4 + whole.length + cut - 2);
    file.put(whole, 0, 2).putShort((short) 0xffe1).putShort((short) (2 + whole.length)).put(whole);
    file.put(whole, 2, cut - 2);
    assertThat(failure(file.array(), "cut.jpg"))
        .isEqualTo("cut.jpg: damaged JPEG picture (the file ends too early)");
  }

  @Test
  void refusesHugeSizesBeforeDecoding() {
    // A PNG's width and height stand at bytes 16 and 20; the pixels are far too few for them.
    byte[] file = PictureGolden.file("gray.png");
    ByteBuffer.wrap(file).putInt(16, 60_000).putInt(20, 60_000);
    assertThat(failure(file, "huge.png"))
        .isEqualTo(
            "huge.png: declares 60000 x 60000 pixels, more than the limit of 100 megapixels");
  }

  @ParameterizedTest
  @CsvSource({
    "webp, UklGRiAAAABXRUJQVlA4TBQAAAAvJ+PJCAAAAAAAAAAAAAAAAAAAAA==, 9000 x 9000 pixels in 40 bytes",
    "webp, UklGRiAAAABXRUJQVlA4TBQAAAAv////DwAAAAAAAAAAAAAAAAAAAA==, 16384 x 16384 pixels",
    "bmp, Qk04AAAAAAAAADYAAAAoAAAAKCMAACgjAAABABgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=, damaged",
    "bmp, Qk04AAAAAAAAADYAAAAoAAAAKCMAACgjAAABAAgAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE=, damaged",
  })
  void refusesHugeSizesOfFewBytes(String format, String file, String problem) {
    byte[] bytes = Base64.getDecoder().decode(file);
    assertThat(failure(bytes, "huge." + format)).contains(problem);
  }

  /** The JDK's reader would take minutes. */
  @Test
  void aLongCommentTakesNoTime() {
    byte[] file = PictureGolden.file("animated.gif");
    int palette = 13 + (3 << 1 + (file[10] & 7));
    ByteBuffer long10Mb = ByteBuffer.allocate(file.length + 3 + 40_000 * 256);
    long10Mb.put(file, 0, palette).put((byte) '!').put((byte) 0xfe);
    for (int i = 0; i < 40_000; i++) {
      long10Mb.put((byte) 255).put(new byte[255]);
    }
    long10Mb.put((byte) 0).put(file, palette, file.length - palette);
    Pixels pixels =
        assertTimeoutPreemptively(
            Duration.ofSeconds(10), () -> PictureReader.read(long10Mb.array(), "long.gif"));
    assertThat(PictureGolden.distance(pixels, PictureReader.read(file, "short.gif"))).isEqualTo(0);
  }

  @Test
  void refusesTheHugeScreenOfASmallFrame() {
    byte[] file = PictureGolden.file("animated.gif");
    ByteBuffer.wrap(file).putInt(6, 0xffffffff);
    assertThat(failure(file, "huge.gif")).contains("declares 65535 x 65535 pixels");
  }

  /** The limit is from the header and the file's own size, in every format. */
  @ParameterizedTest
  @ValueSource(strings = {"transparent.gif", "gray.png", "subsampled.jpg"})
  void refusesSizesThatSoFewBytesCannotFill(String name) {
    byte[] file = PictureGolden.file(name);
    ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
    switch (name) {
      case "transparent.gif" -> bytes.putShort(6, (short) 9_900).putShort(8, (short) 9_900);
      case "gray.png" -> bytes.order(ByteOrder.BIG_ENDIAN).putInt(16, 9_900).putInt(20, 9_900);
      default -> setSize(bytes.order(ByteOrder.BIG_ENDIAN), (byte) 0xc0, 9_900);
    }
    assertThat(failure(file, name)).contains("declares 9900 x 9900 pixels in ");
  }

  @Test
  void refusesJpegsOfTooManyScans() {
    byte[] whole = PictureGolden.file("progressive.jpeg");
    ByteBuffer file = ByteBuffer.allocate(whole.length + 10_000);
    file.put(whole, 0, whole.length - 2);
    setSize(file, (byte) 0xc2, 2000);
    while (file.remaining() >= 10) {
      file.put(new byte[] {(byte) 0xff, (byte) 0xda, 0, 8, 1, 1, 0, 0, 63, 0}); // empty scans
    }
    assertThat(failure(file.array(), "scans.jpg")).contains(" scans are more work than a picture");
  }

  /** Changes what a JPEG file says of its size, in the segment that begins with this marker. */
  private static void setSize(ByteBuffer file, byte marker, int side) {
    int at = 0;
    while (file.get(at) != (byte) 0xff || file.get(at + 1) != marker) {
      at++;
    }
    file.putShort(at + 5, (short) side).putShort(at + 7, (short) side);
  }

  @Test
  void refusesBmpsWithAnotherFormatWithin() {
    byte[] file = PictureGolden.file("color.bmp");
    file[30] = 4;
    assertThat(failure(file, "jpeg.bmp")).contains("another format within is not supported");
  }

  /** The JDK's reader takes these and fills the rest with some colour. */
  @Test
  void refusesGifsWhoseCodesDoNotFit() {
    byte[] whole = PictureGolden.file("animated.gif");
    int refused = 0;
    for (int at = 13; at < whole.length; at++) {
      byte[] cut = Arrays.copyOf(whole, at);
      try {
        Pixels pixels = PictureReader.read(cut, "cut.gif");
        assertThat(PictureGolden.distance(pixels, PictureReader.read(whole, "whole.gif")))
            .isEqualTo(0); // cut behind the first frame
      } catch (SfumatoException e) {
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(50);
  }

  @Test
  void laysASmallFrameOnAWhiteScreen() {
    byte[] file = PictureGolden.file("animated.gif");
    ByteBuffer.wrap(file).put(6, (byte) 30).put(8, (byte) 20); // the frame is 23 x 17, at (0, 0)
    Pixels pixels = PictureReader.read(file, "small.gif");
    Pixels golden = PictureGolden.pixels(FILES.get("animated.gif"));
    assertThat(pixels.width()).isEqualTo(30);
    assertThat(pixels.height()).isEqualTo(20);
    assertThat(pixels.at(1, 19, 29)).isEqualTo(255);
    assertThat(PictureGolden.distance(pixels.crop(0, 0, 17, 23), golden)).isEqualTo(0);
  }

  @Test
  void namesWhatIsNoPicture() {
    assertThat(failure(new byte[0], "empty.png")).isEqualTo("empty.png: the file is empty");
    assertThat(failure("a line of text".getBytes(StandardCharsets.UTF_8), "text.png"))
        .isEqualTo("text.png: not a JPEG, PNG, GIF, BMP or WebP picture");
    SfumatoException missing =
        assertThrows(SfumatoException.class, () -> PictureReader.read(Path.of("no", "such.png")));
    assertThat(missing).hasMessageThat().contains("such.png: no such file");
  }

  @Test
  void survivesDamageAnywhere() {
    for (String name : files().toList()) {
      byte[] whole = PictureGolden.file(name);
      for (int at = 0; at < whole.length; at += 1 + whole.length / 15) {
        byte[] damaged = whole.clone();
        damaged[at] ^= 0x5a;
        try {
          PictureReader.read(damaged, name);
        } catch (SfumatoException e) {
          assertThat(e).hasMessageThat().startsWith(name);
          assertThat(e.getMessage().lines().count()).isEqualTo(1);
        }
      }
    }
  }

  private static String failure(byte[] file, String name) {
    String message =
        assertThrows(SfumatoException.class, () -> PictureReader.read(file, name)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }
}
