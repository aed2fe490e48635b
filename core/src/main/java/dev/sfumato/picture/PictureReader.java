package dev.sfumato.picture;

import com.twelvemonkeys.imageio.stream.ByteArrayImageInputStream;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.Locale;
import java.util.Optional;
import javax.imageio.IIOException;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.event.IIOReadWarningListener;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageInputStream;

/**
 * Decodes JPEG, PNG, GIF, BMP and WebP (the first frame of animations) into upright RGB, with the
 * colours of Pillow's {@code convert("RGB")}. Two things differ: transparency is laid onto white
 * (Pillow ignores it), and 16-bit gray keeps its upper eight bits (Pillow clips it at 255).
 *
 * <p>Files are not trusted: the content determines the format, the declared size is checked before
 * decoding, and a file that ends too early is refused instead of filled with gray.
 */
public final class PictureReader {
  /** The limit of declared pixels; larger pictures are refused. */
  public static final long MAX_PIXELS = 100_000_000;

  /** The pixels that any file may have; beyond them the number per byte is limited. */
  private static final long FREE_PIXELS = 4_000_000;

  private static final long PIXELS_PER_BYTE = 10_000; // PNG reaches 8,256

  /** The limit of pixels of all scans of a JPEG file; a progressive file has about ten scans. */
  private static final long MAX_SCANNED = 1_500_000_000;

  /** The limit of bytes; larger files are refused. */
  public static final int MAX_BYTES = 1 << 29;

  static {
    registerReaders();
  }

  private PictureReader() {}

  /**
   * Registers readers, since ImageIO looks for them in the thread's class loader, which in a server
   * is not always ours.
   */
  private static void registerReaders() {
    Thread thread = Thread.currentThread();
    ClassLoader before = thread.getContextClassLoader();
    thread.setContextClassLoader(PictureReader.class.getClassLoader());
    ImageIO.scanForPlugins();
    thread.setContextClassLoader(before);
  }

  /**
   * Decodes a file.
   *
   * @return the picture, upright, with 3 channels
   * @throws SfumatoException if it is missing, not a picture, damaged, too large or a single pixel;
   *     the message begins with the file's name
   */
  public static Pixels read(Path file) {
    return read(bytes(file), file.toString());
  }

  /**
   * Decodes the bytes of a picture file.
   *
   * @param bytes the content of the file
   * @param name the name of the file in messages
   * @return the picture, upright, with 3 channels
   * @throws SfumatoException as {@link #read(Path)}
   */
  public static Pixels read(byte[] bytes, String name) {
    if (bytes.length == 0) {
      throw new SfumatoException(name + ": the file is empty");
    }
    PictureFormat format =
        PictureFormat.of(bytes)
            .orElseThrow(
                () -> new SfumatoException(name + ": not a JPEG, PNG, GIF, BMP or WebP picture"));
    try {
      return decode(bytes, format, name).upright(Exif.orientation(bytes, format));
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(
          String.format(Locale.ROOT, "%s: %s picture too large for the memory", name, format), e);
    } catch (IOException | RuntimeException e) {
      if (e instanceof SfumatoException known) {
        throw known;
      }
      throw new SfumatoException(
          String.format(Locale.ROOT, "%s: damaged %s picture (%s)", name, format, oneLine(e)), e);
    }
  }

  /**
   * Returns the content of a file, still encoded.
   *
   * @throws SfumatoException if it is missing, cannot be read, or has more than {@link #MAX_BYTES}
   */
  public static byte[] bytes(Path file) {
    if (Files.exists(file) && !Files.isRegularFile(file)) {
      throw new SfumatoException(file + ": a folder, a pipe or a device, not a picture file");
    }
    try {
      if (Files.size(file) > MAX_BYTES) {
        throw new SfumatoException(file + ": more than the limit of 512 MB for a picture");
      }
      return Files.readAllBytes(file);
    } catch (OutOfMemoryError e) {
      throw new SfumatoException(file + ": too large for the memory", e);
    } catch (NoSuchFileException e) {
      throw new SfumatoException(file + ": no such file", e);
    } catch (IOException e) {
      throw new SfumatoException(file + ": cannot be read (" + AtomicFile.reason(e) + ")", e);
    }
  }

  /** Decodes only the wanted frame, and only after a check of its size. */
  private static Pixels decode(byte[] bytes, PictureFormat format, String name) throws IOException {
    return switch (format) {
      case JPEG -> decodeJpeg(bytes, name);
      case WEBP -> decodeWebp(Chunks.firstFrame(bytes), name);
      case GIF -> decodeGif(bytes, name);
      case BMP -> decodeBmp(bytes, name);
      case PNG -> decodeByJdk(bytes, format, name, reader -> Colors.toRgb(reader.read(0)));
    };
  }

  /**
   * Decodes a JPEG; the JDK's decoder may accept files with which the native one finds fault, as
   * Pillow would.
   */
  private static Pixels decodeJpeg(byte[] bytes, String name) throws IOException {
    JpegHeader header = JpegHeader.of(bytes);
    checkSize(header.width(), header.height(), bytes, name);
    checkScans(header, bytes, name);
    if (header.components() == 4) { // inks, which it reads in its own way
      return decodeByJdk(
          bytes,
          PictureFormat.JPEG,
          name,
          reader -> Colors.fromCmyk(reader.readRaster(0, null), header.ycck()));
    }
    Optional<Pixels> sound =
        JpegHeader.endsTooEarly(bytes) ? Optional.empty() : NativeDecoder.jpeg(bytes);
    return sound.isPresent()
        ? sound.get()
        : decodeByJdk(bytes, PictureFormat.JPEG, name, reader -> Colors.toRgb(reader.read(0)));
  }

  private static Pixels decodeWebp(byte[] still, String name) throws IIOException {
    Size size = NativeDecoder.webpSize(still);
    checkSize(size.width(), size.height(), still, name);
    return NativeDecoder.webp(still).orElseThrow(() -> new IIOException("its data do not fit"));
  }

  /** Decodes a BMP, but not one that contains a JPEG or PNG, which would have its own size. */
  private static Pixels decodeBmp(byte[] bytes, String name) throws IOException {
    if (bytes.length > 30 && bytes[14] >= 40 && (bytes[30] == 4 || bytes[30] == 5)) {
      throw new IIOException("another format inside it is not supported");
    }
    return decodeByJdk(bytes, PictureFormat.BMP, name, reader -> Colors.toRgb(reader.read(0)));
  }

  /** A way to take a picture from the JDK's reader. */
  interface Taking {
    Pixels from(ImageReader reader) throws IOException;
  }

  static Pixels decodeByJdk(byte[] bytes, PictureFormat format, String name, Taking taking)
      throws IOException {
    ImageReader reader = newReader(format);
    try (ImageInputStream stream = new ByteArrayImageInputStream(bytes)) {
      boolean ignoreMetadata = format != PictureFormat.GIF; // the frame's position is metadata
      reader.setInput(stream, true, ignoreMetadata);
      checkSize(reader.getWidth(0), reader.getHeight(0), bytes, name);
      Truncation truncation = new Truncation();
      reader.addIIOReadWarningListener(truncation);
      Pixels pixels = taking.from(reader);
      truncation.check();
      return pixels;
    } finally {
      reader.dispose();
    }
  }

  private static ImageReader newReader(PictureFormat format) throws IIOException {
    Iterator<ImageReader> readers = ImageIO.getImageReadersByFormatName(format.name());
    if (!readers.hasNext()) {
      throw new IIOException("no reader for this format on the class path");
    }
    return readers.next();
  }

  private static void checkSize(int width, int height, byte[] file, String name) {
    long pixels = (long) width * height;
    if (pixels <= MAX_PIXELS && pixels > FREE_PIXELS + PIXELS_PER_BYTE * file.length) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: declares %d x %d pixels, too many for its %d bytes",
              name,
              width,
              height,
              file.length));
    }
    if (pixels > MAX_PIXELS) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: declares %d x %d pixels, more than the limit of %d megapixels",
              name,
              width,
              height,
              MAX_PIXELS / 1_000_000));
    }
    if (width == 1 && height == 1) {
      throw new SfumatoException(name + ": a single pixel is not a picture to learn from");
    }
  }

  private static void checkScans(JpegHeader header, byte[] file, String name) {
    int scans = JpegHeader.scans(file);
    if ((long) header.width() * header.height() * scans > MAX_SCANNED) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s: %d x %d pixels in %d scans are too much work for one picture",
              name,
              header.width(),
              header.height(),
              scans));
    }
  }

  private static Pixels decodeGif(byte[] bytes, String name) throws IOException {
    byte[] alone = GifFrame.alone(bytes);
    int width = (bytes[6] & 0xff) | (bytes[7] & 0xff) << 8;
    int height = (bytes[8] & 0xff) | (bytes[9] & 0xff) << 8;
    checkSize(width, height, bytes, name);
    return decodeByJdk(
        alone, PictureFormat.GIF, name, reader -> onScreen(reader, alone, height, width));
  }

  /**
   * Decodes the first frame, which may cover only a part of its screen; the rest is transparent.
   */
  private static Pixels onScreen(ImageReader reader, byte[] file, int height, int width)
      throws IOException {
    GifFrame.requireSound(file);
    BufferedImage frame = reader.read(0);
    IIOMetadata metadata = reader.getImageMetadata(0);
    IIOMetadataNode root =
        (IIOMetadataNode) metadata.getAsTree(metadata.getNativeMetadataFormatName());
    IIOMetadataNode place = (IIOMetadataNode) root.getElementsByTagName("ImageDescriptor").item(0);
    int left = Integer.parseInt(place.getAttribute("imageLeftPosition"));
    int top = Integer.parseInt(place.getAttribute("imageTopPosition"));
    if (frame.getWidth() == width && frame.getHeight() == height) {
      return Colors.toRgb(frame);
    }
    BufferedImage screen = new BufferedImage(width, height, BufferedImage.TYPE_INT_ARGB);
    screen.createGraphics().drawImage(frame, left, top, null);
    return Colors.toRgb(screen);
  }

  private static String oneLine(Exception e) {
    String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return message.lines().findFirst().orElse(e.getClass().getSimpleName()).strip();
  }

  /** Listens for missing data, which the JPEG reader fills with gray and only warns about. */
  private static final class Truncation implements IIOReadWarningListener {
    private String warning = "";

    @Override
    public void warningOccurred(ImageReader source, String text) {
      String lower = text.toLowerCase(Locale.ROOT);
      if (lower.contains("premature end") || lower.contains("truncated")) {
        warning = text;
      }
    }

    void check() throws IIOException {
      if (!warning.isEmpty()) {
        throw new IIOException("the file ends too early");
      }
    }
  }
}
