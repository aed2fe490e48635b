package dev.sfumato.guidance;

import static com.google.common.truth.Truth.assertThat;

import org.junit.jupiter.api.Test;

class CssColorsTest {
  @Test
  void all148NamesAreKnown() {
    assertThat(CssColors.names()).hasSize(148);
    CssColors.names().forEach(name -> assertThat(ColorGuide.parse(name)).isNotNull());
    assertThat(ColorGuide.parse(" Navy ")).isEqualTo(new ColorGuide(0, 0, 128 / 255.0));
    assertThat(ColorGuide.parse("grey")).isEqualTo(ColorGuide.parse("gray"));
  }
}
