const ETHERTYPE_IPV4 = 0x0800
const ETHERTYPE_IPV6 = 0x86dd
/** 802.1Q, 802.1ad and the number that was in use before it. */
const VLAN_TAGS: ReadonlySet<number> = new Set([0x8100, 0x88a8, 0x9100])
const MAX_VLAN_TAGS = 4

/**
 * Link types by their number (www.tcpdump.org/linktypes.html): where the protocol's EtherType stands and where the
 * payload begins. No EtherType: the payload is IP, and its first nibble says which.
 *
 *   Ethernet   destination[6] source[6] type:u16                                        then tags  tci:u16 type:u16
 *   SLL        packet:u16 arphrd:u16 length:u16 address[8] type:u16                      Linux "any", cooked
 *   SLL2       type:u16 0:u16 interface:u32 arphrd:u16 packet:u8 length:u8 address[8]
 *   null/loop  family:u32, whose numbers differ between systems
 */
const LAYOUTS: ReadonlyMap<number, { readonly type?: number; readonly payload: number }> = new Map([
  [0, { payload: 4 }],
  [1, { type: 12, payload: 14 }],
  // Raw IP is 101 in files; 12 and 14 are what some systems wrote all the same.
  [12, { payload: 0 }],
  [14, { payload: 0 }],
  [101, { payload: 0 }],
  [108, { payload: 4 }],
  [113, { type: 14, payload: 16 }],
  [228, { payload: 0 }],
  [229, { payload: 0 }],
  [276, { type: 0, payload: 20 }],
])

/** Whether packets of this link type are understood. */
export function isKnownLink(linkType: number): boolean {
  return LAYOUTS.has(linkType)
}

/** The IP packet in a frame of a known link type; undefined if it holds something else. */
export function ipPacket(linkType: number, frame: Buffer): Buffer | undefined {
  const layout = LAYOUTS.get(linkType)
  if (layout === undefined || frame.length < layout.payload) return undefined
  if (layout.type === undefined) return frame.subarray(layout.payload)
  let type = frame.readUInt16BE(layout.type)
  let payload = layout.payload
  for (let tags = 0; VLAN_TAGS.has(type) && tags < MAX_VLAN_TAGS; tags++) {
    if (frame.length < payload + 4) return undefined
    type = frame.readUInt16BE(payload + 2)
    payload += 4
  }
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6 ? frame.subarray(payload) : undefined
}
