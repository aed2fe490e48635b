package dev.sfumato.picture;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/**
 * Writes animated GIF files. Gray frames keep their 256 levels exactly; colour frames are reduced
 * to 256 colours each.
 *
 * @param delay how long a frame stays, in steps of 10 ms; most viewers slow down below 20 ms
 * @param loop whether the animation starts again at its end
 */
public record GifWriter(Duration delay, boolean loop) {
  private static final String FORMAT = "javax_imageio_gif_image_1.0";

  /** Checks the delay. */
  public GifWriter {
    if (delay.isNegative() || delay.toMillis() / 10 > 0xFFFF) {
      throw new SfumatoException("a GIF's delay must be between 0 and 655 seconds, not " + delay);
    }
  }

  /**
   * Saves {@code frames}, which may be made one at a time, atomically.
   *
   * @throws SfumatoException if there is no frame, frames differ in size, or the file cannot be
   *     written
   */
  public void write(Path file, Iterable<BufferedImage> frames) {
    AtomicFile.write(
        file,
        aside -> {
          try (OutputStream out = Files.newOutputStream(aside)) {
            encode(out, frames);
          }
        });
  }

  private void encode(OutputStream out, Iterable<BufferedImage> frames) throws IOException {
    ImageWriter writer = ImageIO.getImageWritersByFormatName("gif").next();
    try (MemoryCacheImageOutputStream stream = new MemoryCacheImageOutputStream(out)) {
      writer.setOutput(stream);
      writer.prepareWriteSequence(null);
      BufferedImage first = null;
      for (BufferedImage frame : frames) {
        if (first == null) {
          first = frame;
        } else if (frame.getWidth() != first.getWidth() || frame.getHeight() != first.getHeight()) {
          throw new SfumatoException(
              "the frames of a GIF must have one size, not " + size(first) + " and " + size(frame));
        }
        BufferedImage indexed =
            frame.getRaster().getNumBands() == 1 ? withGrayPalette(frame) : frame;
        writer.writeToSequence(
            new IIOImage(indexed, null, metadata(writer, indexed, frame == first)), null);
      }
      if (first == null) {
        throw new SfumatoException("a GIF needs at least one frame");
      }
      writer.endWriteSequence();
    } finally {
      writer.dispose();
    }
  }

  private IIOMetadata metadata(ImageWriter writer, BufferedImage frame, boolean first)
      throws IOException {
    // Not createFromRenderedImage: it forgets the palette of an indexed image.
    IIOMetadata metadata = writer.getDefaultImageMetadata(new ImageTypeSpecifier(frame), null);
    IIOMetadataNode root = (IIOMetadataNode) metadata.getAsTree(FORMAT);
    IIOMetadataNode control = child(root, "GraphicControlExtension");
    control.setAttribute("disposalMethod", "none");
    control.setAttribute("userInputFlag", "FALSE");
    control.setAttribute("transparentColorFlag", "FALSE");
    control.setAttribute("delayTime", Long.toString(delay.toMillis() / 10));
    control.setAttribute("transparentColorIndex", "0");
    if (loop && first) {
      IIOMetadataNode application = new IIOMetadataNode("ApplicationExtension");
      application.setAttribute("applicationID", "NETSCAPE");
      application.setAttribute("authenticationCode", "2.0");
      application.setUserObject(new byte[] {1, 0, 0}); // sub-block 1: repeat 0 times, for ever
      child(root, "ApplicationExtensions").appendChild(application);
    }
    metadata.setFromTree(FORMAT, root);
    return metadata;
  }

  private static IIOMetadataNode child(IIOMetadataNode parent, String name) {
    if (parent.getElementsByTagName(name).item(0) instanceof IIOMetadataNode present) {
      return present;
    }
    IIOMetadataNode added = new IIOMetadataNode(name);
    parent.appendChild(added);
    return added;
  }

  /** The same levels as indices, which the encoder stores as they are. */
  private static BufferedImage withGrayPalette(BufferedImage frame) {
    if (frame.getColorModel() instanceof IndexColorModel) {
      return frame;
    }
    byte[] levels = new byte[256];
    for (int i = 0; i < levels.length; i++) {
      levels[i] = (byte) i;
    }
    BufferedImage indexed =
        new BufferedImage(
            frame.getWidth(),
            frame.getHeight(),
            BufferedImage.TYPE_BYTE_INDEXED,
            new IndexColorModel(8, 256, levels, levels, levels));
    indexed.getRaster().setRect(frame.getRaster());
    return indexed;
  }

  private static String size(BufferedImage image) {
    return image.getWidth() + " x " + image.getHeight();
  }
}
