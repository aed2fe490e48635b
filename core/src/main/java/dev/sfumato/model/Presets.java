package dev.sfumato.model;

import com.fasterxml.jackson.core.type.TypeReference;
import dev.sfumato.NearNames;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Map;

/**
 * U-Nets by name, without the settings that the data decide: {@code mnist} is the usual course
 * network for 28 x 28 pixels, {@code faces-32} twice as wide for 32 x 32 pixels in colour, and
 * {@code ddpm-256} has the shape of google/ddpm-celebahq-256 (diffusers' training script's
 * default).
 */
public final class Presets {
  /** The names. */
  public static final List<String> NAMES = List.of("mnist", "faces-32", "ddpm-256");

  private static final TypeReference<Map<String, Object>> FIELDS = new TypeReference<>() {};

  private Presets() {}

  /**
   * Returns the preset of this name.
   *
   * @throws SfumatoException if there is none
   */
  public static UNet2DConfig named(String name) {
    if (!NAMES.contains(name)) {
      throw new SfumatoException(
          name
              + ": neither a configuration file nor one of the presets "
              + String.join(", ", NAMES)
              + NearNames.asked(name, NAMES));
    }
    try (InputStream json = Presets.class.getResourceAsStream(name + ".json")) {
      Map<String, Object> fields = JsonFile.MAPPER.readValue(json, FIELDS);
      return UNet2DConfig.of(fields);
    } catch (IOException e) {
      throw new SfumatoException("preset " + name + " cannot be read: " + e.getMessage(), e);
    }
  }
}
