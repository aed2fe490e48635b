package dev.sfumato.tensor;

import dev.sfumato.SfumatoException;
import java.util.Arrays;
import java.util.Optional;
import org.bytedeco.pytorch.global.torch.ScalarType;

/** The type of a tensor's elements; {@link #code} is its name in a safetensors header. */
public enum DType {
  FLOAT32("F32", 4, ScalarType.Float),
  FLOAT64("F64", 8, ScalarType.Double),
  FLOAT16("F16", 2, ScalarType.Half),
  BFLOAT16("BF16", 2, ScalarType.BFloat16),
  INT64("I64", 8, ScalarType.Long),
  INT32("I32", 4, ScalarType.Int),
  INT16("I16", 2, ScalarType.Short),
  INT8("I8", 1, ScalarType.Char),
  UINT8("U8", 1, ScalarType.Byte),
  BOOL("BOOL", 1, ScalarType.Bool);

  /** Returns true if this is a floating-point type of two bytes. */
  public boolean isHalf() {
    return this == FLOAT16 || this == BFLOAT16;
  }

  private final String code;
  private final int bytes;
  private final ScalarType scalarType;

  DType(String code, int bytes, ScalarType scalarType) {
    this.code = code;
    this.bytes = bytes;
    this.scalarType = scalarType;
  }

  /** Returns the name of this type in a safetensors header, such as {@code F32}. */
  public String code() {
    return code;
  }

  /** Returns the size of one element in bytes. */
  public int bytes() {
    return bytes;
  }

  ScalarType scalarType() {
    return scalarType;
  }

  /** Returns the type that a safetensors header calls {@code code}, if it is supported. */
  public static Optional<DType> ofCode(String code) {
    return Arrays.stream(values()).filter(d -> d.code.equals(code)).findFirst();
  }

  static DType of(ScalarType type) {
    ScalarType known = type.intern();
    return Arrays.stream(values())
        .filter(d -> d.scalarType == known)
        .findFirst()
        .orElseThrow(() -> new SfumatoException("element type " + known + " is not supported"));
  }
}
