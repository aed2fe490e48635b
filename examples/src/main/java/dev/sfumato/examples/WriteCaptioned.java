package dev.sfumato.examples;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.SplittableRandom;

/** Writes captioned pictures as folders to train a text-to-image model: DIRECTORY SIDE DATA... */
public final class WriteCaptioned {
  private final SplittableRandom random = new SplittableRandom(0);

  private WriteCaptioned() {}

  /**
   * Writes {@code train} and {@code test}, the captions held out. A training picture of a face is
   * written twice: once with its caption and once with a shorter one, since people ask for "a face
   * with red hair".
   */
  public static void main(String[] args) throws IOException {
    CaptionedPictures all =
        CaptionedPictures.read(List.of(args).subList(2, args.length), Integer.parseInt(args[1]));
    WriteCaptioned writer = new WriteCaptioned();
    writer.write(Path.of(args[0], "train"), all.training(2), true);
    writer.write(Path.of(args[0], "test"), all.heldOut(2), false);
  }

  private void write(Path folder, CaptionedPictures pictures, boolean shorter) throws IOException {
    Files.createDirectories(folder);
    ObjectMapper json = new ObjectMapper();
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < pictures.size(); i++) {
      String caption = pictures.captions().get(i);
      List<String> texts = new ArrayList<>(List.of(caption));
      if (shorter && caption.contains(" face with ")) {
        texts.add(shortened(caption));
      }
      for (int k = 0; k < texts.size(); k++) {
        String name = String.format(Locale.ROOT, "%05d-%d.png", i, k);
        Pixels pixels = pictures.pixels().get(i);
        Png.write(folder.resolve(name), image(pixels));
        lines.add(json.writeValueAsString(Map.of("file_name", name, "text", texts.get(k))));
      }
    }
    Files.write(folder.resolve("metadata.jsonl"), lines);
    System.err.printf(Locale.ROOT, "%s: %d pictures%n", folder, lines.size());
  }

  /** Returns a caption with some of its phrases, in another order. */
  private String shortened(String caption) {
    int with = caption.indexOf(" with ");
    String face = caption.substring(0, with);
    if (random.nextBoolean()) {
      face = face.replaceFirst("^an? .*face", "a face");
    }
    List<String> phrases = new ArrayList<>(List.of(caption.substring(with + 6).split(", ")));
    Collections.shuffle(phrases, new Random(random.nextLong()));
    int kept = random.nextInt(1, phrases.size() + 1);
    phrases.subList(kept, phrases.size()).clear();
    String last = phrases.remove(phrases.size() - 1);
    String joint = random.nextBoolean() ? ", " : " and ";
    return face + " with " + (phrases.isEmpty() ? last : String.join(", ", phrases) + joint + last);
  }

  private static BufferedImage image(Pixels pixels) {
    BufferedImage image =
        new BufferedImage(pixels.width(), pixels.height(), BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < pixels.height(); y++) {
      for (int x = 0; x < pixels.width(); x++) {
        int red = pixels.at(0, y, x);
        image.setRGB(x, y, red << 16 | pixels.at(1, y, x) << 8 | pixels.at(2, y, x));
      }
    }
    return image;
  }
}
